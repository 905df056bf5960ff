"""Aquila's algorithms for QGIS's Processing toolbox; torch is imported only while one of them runs."""
