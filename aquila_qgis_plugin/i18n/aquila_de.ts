<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en" language="de">
  <context>
    <name>Aquila</name>
    <message>
      <source>{layer} has no coordinate system and is taken to be in that of {other}; if it is not, set it in the layer's properties.</source>
      <translation>{layer} hat kein Koordinatensystem und wird in dem von {other} angenommen; wenn das nicht stimmt, setzen Sie es in den Layereigenschaften.</translation>
    </message>
    <message>
      <source>Describing {polygons}</source>
      <translation>Beschreibe {polygons}</translation>
    </message>
    <message>
      <source>Asking about {polygons}</source>
      <translation>Befrage das Modell über {polygons}</translation>
    </message>
    <message>
      <source>Counting {polygons}</source>
      <translation>Zähle {polygons}</translation>
    </message>
    <message>
      <source>Add a raster layer: an aerial or satellite image that is to be described.</source>
      <translation>Fügen Sie einen Rasterlayer hinzu: ein Luft- oder Satellitenbild, das beschrieben werden soll.</translation>
    </message>
    <message>
      <source>Add a polygon layer, or draw a single polygon with the map tool.</source>
      <translation>Fügen Sie einen Polygonlayer hinzu, oder zeichnen Sie mit dem Kartenwerkzeug ein einzelnes Polygon.</translation>
    </message>
    <message>
      <source>Select polygons on the map, or untick “Selected features only”.</source>
      <translation>Wählen Sie auf der Karte Polygone aus, oder schalten Sie „Nur ausgewählte Objekte“ ab.</translation>
    </message>
    <message>
      <source>The layer “{name}” has no polygons.</source>
      <translation>Der Layer „{name}“ hat keine Polygone.</translation>
    </message>
    <message>
      <source>All polygons of the layer</source>
      <translation>Alle Polygone des Layers</translation>
    </message>
    <message>
      <source>Describe</source>
      <translation>Beschreiben</translation>
    </message>
    <message>
      <source>Ask</source>
      <translation>Fragen</translation>
    </message>
    <message>
      <source>What it sees</source>
      <translation>Was es sieht</translation>
    </message>
    <message>
      <source>Aquila</source>
      <translation>Aquila</translation>
    </message>
    <message>
      <source>Target field</source>
      <translation>Zielfeld</translation>
    </message>
    <message>
      <source>The text field to write into, or the name of a new one</source>
      <translation>Das Textfeld, in das geschrieben wird, oder der Name eines neuen</translation>
    </message>
    <message>
      <source>St&amp;yle</source>
      <translation>St&amp;il</translation>
    </message>
    <message>
      <source>In&amp;to field</source>
      <translation>In &amp;Feld</translation>
    </message>
    <message>
      <source>R&amp;aster</source>
      <translation>Ras&amp;ter</translation>
    </message>
    <message>
      <source>Poly&amp;gons</source>
      <translation>&amp;Polygone</translation>
    </message>
    <message>
      <source>Raster layer</source>
      <translation>Rasterlayer</translation>
    </message>
    <message>
      <source>The image in which the polygons are looked at</source>
      <translation>Das Bild, in dem die Polygone betrachtet werden</translation>
    </message>
    <message>
      <source>Polygon layer</source>
      <translation>Polygonlayer</translation>
    </message>
    <message>
      <source>The layer whose polygons are described</source>
      <translation>Der Layer, dessen Polygone beschrieben werden</translation>
    </message>
    <message>
      <source>Selected features only</source>
      <translation>Nur ausgewählte Objekte</translation>
    </message>
    <message>
      <source>Describe only the polygons that are selected in the layer</source>
      <translation>Nur die im Layer ausgewählten Polygone beschreiben</translation>
    </message>
    <message>
      <source>Selected &amp;features only</source>
      <translation>Nur au&amp;sgewählte Objekte</translation>
    </message>
    <message>
      <source>Selected &amp;features only ({chosen})</source>
      <translation>Nur au&amp;sgewählte Objekte ({chosen})</translation>
    </message>
    <message>
      <source>Selected &amp;features only ({chosen} of {total})</source>
      <translation>Nur au&amp;sgewählte Objekte ({chosen} von {total})</translation>
    </message>
    <message>
      <source>As displayed, &amp;not the data</source>
      <translation>Wie ange&amp;zeigt, nicht die Daten</translation>
    </message>
    <message>
      <source>Model</source>
      <translation>Modell</translation>
    </message>
    <message>
      <source>Dev&amp;ice</source>
      <translation>&amp;Gerät</translation>
    </message>
    <message>
      <source>Automatic</source>
      <translation>Automatisch</translation>
    </message>
    <message>
      <source>CPU</source>
      <translation>CPU</translation>
    </message>
    <message>
      <source>GPU (CUDA)</source>
      <translation>GPU (CUDA)</translation>
    </message>
    <message>
      <source>More models: Settings → Options → Aquila</source>
      <translation>Weitere Modelle: Einstellungen → Optionen → Aquila</translation>
    </message>
    <message>
      <source>Device</source>
      <translation>Gerät</translation>
    </message>
    <message>
      <source>Automatic uses the graphics card where there is one</source>
      <translation>Automatisch nutzt die Grafikkarte, wo es eine gibt</translation>
    </message>
    <message>
      <source>As displayed</source>
      <translation>Wie angezeigt</translation>
    </message>
    <message>
      <source>The model sees the layer with its style, colours and transparency, instead of its data</source>
      <translation>Das Modell sieht den Layer mit Stil, Farben und Transparenz statt seiner Daten</translation>
    </message>
    <message>
      <source>Model: {model}, {device}</source>
      <translation>Modell: {model}, {device}</translation>
    </message>
    <message>
      <source>Descri&amp;be</source>
      <translation>Bes&amp;chreiben</translation>
    </message>
    <message>
      <source>Set &amp;up Aquila…</source>
      <translation>Aq&amp;uila einrichten…</translation>
    </message>
    <message>
      <source>Getting the model and the polygons ready…</source>
      <translation>Modell und Polygone werden vorbereitet…</translation>
    </message>
    <message>
      <source>C&amp;ancel</source>
      <translation>Abbre&amp;chen</translation>
    </message>
    <message>
      <source>Cancelling…</source>
      <translation>Wird abgebrochen…</translation>
    </message>
    <message>
      <source>Progress</source>
      <translation>Fortschritt</translation>
    </message>
    <message>
      <source>The latest description</source>
      <translation>Die neueste Beschreibung</translation>
    </message>
    <message>
      <source>Write the question or instruction for each polygon.</source>
      <translation>Schreiben Sie die Frage oder Anweisung für jedes Polygon.</translation>
    </message>
    <message>
      <source>Write at least two labels, separated by commas.</source>
      <translation>Schreiben Sie mindestens zwei Bezeichnungen, durch Kommas getrennt.</translation>
    </message>
    <message>
      <source>Style of the text</source>
      <translation>Stil des Textes</translation>
    </message>
    <message>
      <source>How much is written about each polygon</source>
      <translation>Wie viel über jedes Polygon geschrieben wird</translation>
    </message>
    <message>
      <source>My labels</source>
      <translation>Meine Bezeichnungen</translation>
    </message>
    <message>
      <source>Each polygon gets the likeliest of these labels, with its probability</source>
      <translation>Jedes Polygon erhält die wahrscheinlichste dieser Bezeichnungen mit ihrer Wahrscheinlichkeit</translation>
    </message>
    <message>
      <source>My prompt</source>
      <translation>Meine Anweisung</translation>
    </message>
    <message>
      <source>A question or instruction; &lt;region&gt; stands for the polygon</source>
      <translation>Eine Frage oder Anweisung; &lt;region&gt; steht für das Polygon</translation>
    </message>
    <message>
      <source>forest, meadow, water, …</source>
      <translation>forest, meadow, water, …</translation>
    </message>
    <message>
      <source>What covers &lt;region&gt;?</source>
      <translation>What covers &lt;region&gt;?</translation>
    </message>
    <message>
      <source>Category</source>
      <translation>Kategorie</translation>
    </message>
    <message>
      <source>What it is, in a word or two</source>
      <translation>Was es ist, in ein oder zwei Wörtern</translation>
    </message>
    <message>
      <source>Phrase</source>
      <translation>Wortgruppe</translation>
    </message>
    <message>
      <source>A short phrase</source>
      <translation>Eine kurze Wortgruppe</translation>
    </message>
    <message>
      <source>Description</source>
      <translation>Beschreibung</translation>
    </message>
    <message>
      <source>One or two sentences</source>
      <translation>Ein oder zwei Sätze</translation>
    </message>
    <message>
      <source>Detailed description</source>
      <translation>Ausführliche Beschreibung</translation>
    </message>
    <message>
      <source>Colour, texture, shape, size and surroundings</source>
      <translation>Farbe, Textur, Form, Größe und Umgebung</translation>
    </message>
    <message>
      <source>My labels…</source>
      <translation>Meine Bezeichnungen…</translation>
    </message>
    <message>
      <source>The likeliest of your own labels</source>
      <translation>Die wahrscheinlichste Ihrer eigenen Bezeichnungen</translation>
    </message>
    <message>
      <source>My prompt…</source>
      <translation>Meine Anweisung…</translation>
    </message>
    <message>
      <source>The answer to your own question</source>
      <translation>Die Antwort auf Ihre eigene Frage</translation>
    </message>
    <message>
      <source>A new field: it is added when the run ends.</source>
      <translation>Ein neues Feld: es wird am Ende des Laufs angelegt.</translation>
    </message>
    <message>
      <source>Field name</source>
      <translation>Feldname</translation>
    </message>
    <message>
      <source>An existing field, or a new name</source>
      <translation>Ein vorhandenes Feld oder ein neuer Name</translation>
    </message>
    <message>
      <source>More fields ({count})</source>
      <translation>Weitere Felder ({count})</translation>
    </message>
    <message>
      <source>More fields</source>
      <translation>Weitere Felder</translation>
    </message>
    <message>
      <source>Label</source>
      <translation>Bezeichnung</translation>
    </message>
    <message>
      <source>The category or the likeliest of your labels</source>
      <translation>Die Kategorie oder die wahrscheinlichste Ihrer Bezeichnungen</translation>
    </message>
    <message>
      <source>Confidence</source>
      <translation>Sicherheit</translation>
    </message>
    <message>
      <source>How sure the model is of the label, from 0 to 1</source>
      <translation>Wie sicher das Modell der Bezeichnung ist, von 0 bis 1</translation>
    </message>
    <message>
      <source>Status</source>
      <translation>Status</translation>
    </message>
    <message>
      <source>Whether the polygon could be described, and if not, why</source>
      <translation>Ob das Polygon beschrieben werden konnte, und wenn nicht, warum</translation>
    </message>
    <message>
      <source>Area</source>
      <translation>Fläche</translation>
    </message>
    <message>
      <source>The polygon's area on the ground in square metres</source>
      <translation>Die Fläche des Polygons am Boden in Quadratmetern</translation>
    </message>
    <message>
      <source>The index or folder used has no {package} for Python {python} on this system.</source>
      <translation>Der benutzte Index oder Ordner hat kein {package} für Python {python} auf diesem System.</translation>
    </message>
    <message>
      <source>pip ended with code {code}: {line}</source>
      <translation>pip endete mit Code {code}: {line}</translation>
    </message>
    <message>
      <source>PyTorch does not load: install Microsoft's Visual C++ runtime (x64), then try again.</source>
      <translation>PyTorch lädt nicht: installieren Sie die Visual-C++-Laufzeit (x64) von Microsoft und versuchen Sie es erneut.</translation>
    </message>
    <message>
      <source>The packages were installed but do not work: {line}</source>
      <translation>Die Pakete wurden installiert, funktionieren aber nicht: {line}</translation>
    </message>
    <message>
      <source>it wrote nothing</source>
      <translation>es schrieb nichts</translation>
    </message>
    <message>
      <source>The disk is full; make room, or choose a folder on another disk.</source>
      <translation>Der Datenträger ist voll; schaffen Sie Platz, oder wählen Sie einen Ordner auf einem anderen.</translation>
    </message>
    <message>
      <source>QGIS's Python has no pip; install it (on Debian and Ubuntu: python3-pip), or use an existing folder.</source>
      <translation>Das Python von QGIS hat kein pip; installieren Sie es (unter Debian und Ubuntu: python3-pip), oder nutzen Sie einen vorhandenen Ordner.</translation>
    </message>
    <message>
      <source>The proxy refused the connection; check Settings → Options → Network (pip cannot use SOCKS proxies).</source>
      <translation>Der Proxy hat die Verbindung abgelehnt; prüfen Sie Einstellungen → Optionen → Netzwerk (pip kann keine SOCKS-Proxys nutzen).</translation>
    </message>
    <message>
      <source>The package index's certificate is not trusted here; ask your administrator, or use a folder of wheels.</source>
      <translation>Dem Zertifikat des Paketindex wird hier nicht vertraut; fragen Sie Ihre Systemverwaltung, oder nutzen Sie einen Ordner mit Wheels.</translation>
    </message>
    <message>
      <source>The package index cannot be reached; check the network and QGIS's proxy, or use a folder of wheels.</source>
      <translation>Der Paketindex ist nicht erreichbar; prüfen Sie das Netz und den Proxy von QGIS, oder nutzen Sie einen Ordner mit Wheels.</translation>
    </message>
    <message>
      <source>A file cannot be written; close other QGIS windows, or choose another folder.</source>
      <translation>Eine Datei lässt sich nicht schreiben; schließen Sie andere QGIS-Fenster, oder wählen Sie einen anderen Ordner.</translation>
    </message>
    <message>
      <source>The folder's path is too long for Windows; choose one with a shorter path, for example on the drive's root.</source>
      <translation>Der Pfad des Ordners ist zu lang für Windows; wählen Sie einen kürzeren, zum Beispiel direkt auf dem Laufwerk.</translation>
    </message>
    <message>
      <source>The versions needed do not go with QGIS's numpy or with pip's settings; see what pip wrote below.</source>
      <translation>Die nötigen Versionen passen nicht zum numpy von QGIS oder zu den Einstellungen von pip; siehe unten, was pip schrieb.</translation>
    </message>
    <message>
      <source>The packages in {folder} are in use; restart QGIS and do this before Aquila describes anything.</source>
      <translation>Die Pakete in {folder} sind in Benutzung; starten Sie QGIS neu, und tun Sie dies, bevor Aquila etwas beschreibt.</translation>
    </message>
    <message>
      <source>The model will run on the processor of this Mac.</source>
      <translation>Das Modell wird auf dem Prozessor dieses Macs laufen.</translation>
    </message>
    <message>
      <source>No NVIDIA driver was found, so the model will run on the CPU. The usual package index has for Linux only the large build with CUDA, which runs on a CPU too; with the address of an index of CPU builds, below, it is a tenth of that.</source>
      <translation>Kein NVIDIA-Treiber wurde gefunden, also wird das Modell auf der CPU laufen. Der übliche Paketindex hat für Linux nur das große Paket mit CUDA, das auch auf einer CPU läuft; mit der Adresse eines Index mit CPU-Paketen, unten, ist es ein Zehntel davon.</translation>
    </message>
    <message>
      <source>No NVIDIA driver was found: the build for the CPU.</source>
      <translation>Kein NVIDIA-Treiber wurde gefunden: das Paket für die CPU.</translation>
    </message>
    <message>
      <source>{gpu} was found: the build with CUDA, so that the model runs on it.</source>
      <translation>{gpu} wurde gefunden: das Paket mit CUDA, damit das Modell darauf läuft.</translation>
    </message>
    <message>
      <source>{gpu} was found, but the usual package index has for Windows only the build for the CPU. For the GPU, give the address of an index of CUDA builds below; PyTorch's installation page names them.</source>
      <translation>{gpu} wurde gefunden, aber der übliche Paketindex hat für Windows nur das Paket für die CPU. Geben Sie für die GPU unten die Adresse eines Index mit CUDA-Paketen an; die Installationsseite von PyTorch nennt sie.</translation>
    </message>
    <message>
      <source>An NVIDIA GPU</source>
      <translation>Eine NVIDIA-GPU</translation>
    </message>
    <message>
      <source>Through QGIS's proxy {proxy}</source>
      <translation>Über den Proxy {proxy} von QGIS</translation>
    </message>
    <message>
      <source>The folder {folder} holds no wheels; choose the one made by the recipe.</source>
      <translation>Der Ordner {folder} enthält keine Wheels; wählen Sie den, den die Anleitung anlegt.</translation>
    </message>
    <message>
      <source>Another window of QGIS is installing into {folder}; wait until it is done.</source>
      <translation>Ein anderes Fenster von QGIS installiert gerade in {folder}; warten Sie, bis es fertig ist.</translation>
    </message>
    <message>
      <source>The folder {folder} cannot be written ({error}); choose another one.</source>
      <translation>Der Ordner {folder} ist nicht beschreibbar ({error}); wählen Sie einen anderen.</translation>
    </message>
    <message>
      <source>Cancelled; nothing of it will be used.</source>
      <translation>Abgebrochen; nichts davon wird benutzt.</translation>
    </message>
    <message>
      <source>QGIS's Python ({python}) cannot be started; use an existing folder instead.</source>
      <translation>Das Python von QGIS ({python}) lässt sich nicht starten; nutzen Sie stattdessen einen vorhandenen Ordner.</translation>
    </message>
    <message>
      <source>Trying the packages with the model…</source>
      <translation>Die Pakete werden mit dem Modell erprobt…</translation>
    </message>
    <message>
      <source>Done.</source>
      <translation>Fertig.</translation>
    </message>
    <message>
      <source>Everything is installed; the model can run on: {devices}.</source>
      <translation>Alles ist installiert; das Modell kann laufen auf: {devices}.</translation>
    </message>
    <message>
      <source>Looking for the packages…</source>
      <translation>Die Pakete werden gesucht…</translation>
    </message>
    <message>
      <source>Fetching {package}{size}…</source>
      <translation>{package}{size} wird geholt…</translation>
    </message>
    <message>
      <source>Unpacking {count} packages…</source>
      <translation>{count} Pakete werden entpackt…</translation>
    </message>
    <message>
      <source>{system} and Python {python}</source>
      <translation>{system} und Python {python}</translation>
    </message>
    <message>
      <source>1. On a computer with a network, {same}:</source>
      <translation>1. Auf einem Rechner mit Netz, {same}:</translation>
    </message>
    <message>
      <source>2. Bring the folder {wheels} to this computer. Choose it as the folder of wheels and click Install; or remove what an installation left unfinished and run, where the folder is:</source>
      <translation>2. Bringen Sie den Ordner {wheels} auf diesen Rechner. Wählen Sie ihn als Ordner mit Wheels und klicken Sie auf Installieren; oder entfernen Sie, was eine Installation unfertig ließ, und führen Sie dort, wo der Ordner liegt, aus:</translation>
    </message>
    <message>
      <source>3. If you ran the command yourself, restart QGIS. The packages are in:</source>
      <translation>3. Haben Sie den Befehl selbst ausgeführt, starten Sie QGIS neu. Die Pakete sind in:</translation>
    </message>
    <message>
      <source>The folder {folder} does not exist; choose another one.</source>
      <translation>Den Ordner {folder} gibt es nicht; wählen Sie einen anderen.</translation>
    </message>
    <message>
      <source>The installation in {folder} was not finished; repair or remove it.</source>
      <translation>Die Installation in {folder} wurde nicht beendet; reparieren oder entfernen Sie sie.</translation>
    </message>
    <message>
      <source>The installation in {folder} is damaged; repair or remove it.</source>
      <translation>Die Installation in {folder} ist beschädigt; reparieren oder entfernen Sie sie.</translation>
    </message>
    <message>
      <source>The packages in {folder} are not for QGIS's Python {python}; choose an environment of that version.</source>
      <translation>Die Pakete in {folder} sind nicht für das Python {python} von QGIS; wählen Sie eine Umgebung dieser Version.</translation>
    </message>
    <message>
      <source>The folder {folder} lacks {packages}; choose another one, or install into Aquila's own.</source>
      <translation>Dem Ordner {folder} fehlt {packages}; wählen Sie einen anderen, oder installieren Sie in den eigenen von Aquila.</translation>
    </message>
    <message>
      <source>Too old in {folder}: {packages}; choose another one, or install into Aquila's own.</source>
      <translation>Zu alt in {folder}: {packages}; wählen Sie einen anderen, oder installieren Sie in den eigenen von Aquila.</translation>
    </message>
    <message>
      <source>The model needs PyTorch, which is not part of QGIS; choose “Set up…” in Aquila's menu.</source>
      <translation>Das Modell braucht PyTorch, das kein Teil von QGIS ist; wählen Sie „Einrichten…“ im Menü von Aquila.</translation>
    </message>
    <message>
      <source>QGIS's Python lacks, or has too old: {packages}; choose “Set up…” in Aquila's menu.</source>
      <translation>Im Python von QGIS fehlen oder sind zu alt: {packages}; wählen Sie „Einrichten…“ im Menü von Aquila.</translation>
    </message>
    <message>
      <source>Another plugin has already loaded PyTorch {version}, which is too old; switch it off and restart QGIS.</source>
      <translation>Eine andere Erweiterung hat schon PyTorch {version} geladen, das zu alt ist; schalten Sie sie ab und starten Sie QGIS neu.</translation>
    </message>
    <message>
      <source>The polygon layer is gone; add it again.</source>
      <translation>Der Polygonlayer ist nicht mehr da; fügen Sie ihn wieder hinzu.</translation>
    </message>
    <message>
      <source>{name} is no usable polygon layer; choose another one.</source>
      <translation>{name} ist kein brauchbarer Polygonlayer; wählen Sie einen anderen.</translation>
    </message>
    <message>
      <source>{name} holds no polygons; choose a polygon layer.</source>
      <translation>{name} enthält keine Polygone; wählen Sie einen Polygonlayer.</translation>
    </message>
    <message>
      <source>{name} is read-only; allow editing it in the project's properties, or export it to a new file.</source>
      <translation>{name} ist schreibgeschützt; erlauben Sie das Bearbeiten in den Projekteigenschaften, oder exportieren Sie den Layer in eine neue Datei.</translation>
    </message>
    <message>
      <source>The source of {name} cannot be edited; export the layer, for example to a GeoPackage.</source>
      <translation>Die Quelle von {name} lässt sich nicht bearbeiten; exportieren Sie den Layer, zum Beispiel in ein GeoPackage.</translation>
    </message>
    <message>
      <source>Choose the field that descriptions are written to.</source>
      <translation>Wählen Sie das Feld, in das Beschreibungen geschrieben werden.</translation>
    </message>
    <message>
      <source>The field {name} is chosen for two kinds of results; choose another one for the {kind}.</source>
      <translation>Das Feld {name} ist für zwei Arten von Ergebnissen gewählt; wählen Sie für „{kind}“ ein anderes.</translation>
    </message>
    <message>
      <source>{name} cannot be given new fields; choose an existing text field, or export the layer.</source>
      <translation>{name} kann keine neuen Felder erhalten; wählen Sie ein vorhandenes Textfeld, oder exportieren Sie den Layer.</translation>
    </message>
    <message>
      <source>The field {name} is computed or joined and cannot be written to; choose another one.</source>
      <translation>Das Feld {name} ist berechnet oder verknüpft und lässt sich nicht beschreiben; wählen Sie ein anderes.</translation>
    </message>
    <message>
      <source>The field {name} identifies the polygons; choose another one.</source>
      <translation>Das Feld {name} kennzeichnet die Polygone; wählen Sie ein anderes.</translation>
    </message>
    <message>
      <source>The field {name} is of type {type}; choose one for decimal numbers, or write a new name.</source>
      <translation>Das Feld {name} ist vom Typ {type}; wählen Sie eines für Dezimalzahlen, oder schreiben Sie einen neuen Namen.</translation>
    </message>
    <message>
      <source>The field {name} is of type {type}; choose a text field, or write the name of a new one.</source>
      <translation>Das Feld {name} ist vom Typ {type}; wählen Sie ein Textfeld, oder schreiben Sie den Namen eines neuen.</translation>
    </message>
    <message>
      <source>description</source>
      <translation>Beschreibung</translation>
    </message>
    <message>
      <source>label</source>
      <translation>Bezeichnung</translation>
    </message>
    <message>
      <source>status</source>
      <translation>Status</translation>
    </message>
    <message>
      <source>confidence</source>
      <translation>Sicherheit</translation>
    </message>
    <message>
      <source>area</source>
      <translation>Fläche</translation>
    </message>
    <message>
      <source>area unknown</source>
      <translation>Fläche unbekannt</translation>
    </message>
    <message>
      <source>{area} m²</source>
      <translation>{area} m²</translation>
    </message>
    <message>
      <source>{area} ha</source>
      <translation>{area} ha</translation>
    </message>
    <message>
      <source>{area} km²</source>
      <translation>{area} km²</translation>
    </message>
    <message>
      <source>pixel size unknown</source>
      <translation>Pixelgröße unbekannt</translation>
    </message>
    <message>
      <source>{size} cm per pixel</source>
      <translation>{size} cm je Pixel</translation>
    </message>
    <message>
      <source>{size} m per pixel</source>
      <translation>{size} m je Pixel</translation>
    </message>
    <message>
      <source>{length} m</source>
      <translation>{length} m</translation>
    </message>
    <message>
      <source>{length} km</source>
      <translation>{length} km</translation>
    </message>
    <message>
      <source>Level {level}: one pixel shows {count} × {count} of the raster's</source>
      <translation>Stufe {level}: ein Pixel zeigt {count} × {count} des Rasters</translation>
    </message>
    <message>
      <source>Level {level}: enlarged {count} times</source>
      <translation>Stufe {level}: {count}-fach vergrößert</translation>
    </message>
    <message>
      <source>Level 0: the raster's own pixels</source>
      <translation>Stufe 0: die Pixel des Rasters selbst</translation>
    </message>
    <message>
      <source>{share} %</source>
      <translation>{share} %</translation>
    </message>
    <message>
      <source>Click a polygon, or draw one: click its corners and right-click, or drag a rectangle.</source>
      <translation>Klicken Sie auf ein Polygon, oder zeichnen Sie eines: die Ecken anklicken und rechtsklicken, oder ein Rechteck aufziehen.</translation>
    </message>
    <message>
      <source>A polygon needs at least three corners that enclose some ground.</source>
      <translation>Ein Polygon braucht mindestens drei Ecken, die etwas Boden umschließen.</translation>
    </message>
    <message>
      <source>Describe this feature</source>
      <translation>Dieses Objekt beschreiben</translation>
    </message>
    <message>
      <source>More…</source>
      <translation>Mehr…</translation>
    </message>
    <message>
      <source>CPU is enough</source>
      <translation>CPU genügt</translation>
    </message>
    <message>
      <source>GPU of {gb} GB; a CPU is slow</source>
      <translation>GPU mit {gb} GB; eine CPU ist langsam</translation>
    </message>
    <message>
      <source>GPU of {gb} GB</source>
      <translation>GPU mit {gb} GB</translation>
    </message>
    <message>
      <source>the folder {folder} is not there; plug its disk in, or remove it from the list.</source>
      <translation>der Ordner {folder} ist nicht da; schließen Sie seinen Datenträger an, oder nehmen Sie ihn aus der Liste.</translation>
    </message>
    <message>
      <source>the weight files lack {name}, which their index names; copy the folder again.</source>
      <translation>den Gewichtsdateien fehlt {name}, das ihr Verzeichnis nennt; kopieren Sie den Ordner noch einmal.</translation>
    </message>
    <message>
      <source>The index {name} cannot be read; copy the folder again.</source>
      <translation>Das Verzeichnis {name} ist nicht lesbar; kopieren Sie den Ordner noch einmal.</translation>
    </message>
    <message>
      <source>The weight file {name} is cut off or no safetensors file; copy the folder again.</source>
      <translation>Die Gewichtsdatei {name} ist abgeschnitten oder keine safetensors-Datei; kopieren Sie den Ordner noch einmal.</translation>
    </message>
    <message>
      <source>The weight file {name} is missing; copy the folder again.</source>
      <translation>Die Gewichtsdatei {name} fehlt; kopieren Sie den Ordner noch einmal.</translation>
    </message>
    <message>
      <source>it has no tokenizer.json and no tokenizer.model; copy the folder again.</source>
      <translation>er hat weder tokenizer.json noch tokenizer.model; kopieren Sie den Ordner noch einmal.</translation>
    </message>
    <message>
      <source>There is no model {name}; choose another one in Settings → Options → Aquila.</source>
      <translation>Es gibt kein Modell {name}; wählen Sie unter Einstellungen → Optionen → Aquila ein anderes.</translation>
    </message>
    <message>
      <source>The layer “{name}” is gone.</source>
      <translation>Der Layer „{name}“ ist nicht mehr da.</translation>
    </message>
    <message>
      <source>The layer “{name}” was given another data source.</source>
      <translation>Der Layer „{name}“ hat eine andere Datenquelle bekommen.</translation>
    </message>
    <message>
      <source>&amp;Set up…</source>
      <translation>&amp;Einrichten…</translation>
    </message>
    <message>
      <source>&amp;Options…</source>
      <translation>&amp;Optionen…</translation>
    </message>
    <message>
      <source>&amp;Copy diagnostics</source>
      <translation>&amp;Diagnose kopieren</translation>
    </message>
    <message>
      <source>&amp;Help</source>
      <translation>&amp;Hilfe</translation>
    </message>
    <message>
      <source>&amp;Describe polygons</source>
      <translation>Polygone &amp;beschreiben</translation>
    </message>
    <message>
      <source>Aquila: describe polygons over a raster in words</source>
      <translation>Aquila: Polygone über einem Raster in Worten beschreiben</translation>
    </message>
    <message>
      <source>Describe by &amp;clicking</source>
      <translation>Durch &amp;Klicken beschreiben</translation>
    </message>
    <message>
      <source>Click a polygon, or draw one, and read its description</source>
      <translation>Auf ein Polygon klicken, oder eines zeichnen, und seine Beschreibung lesen</translation>
    </message>
    <message>
      <source>&amp;Aquila</source>
      <translation>&amp;Aquila</translation>
    </message>
    <message>
      <source>The diagnostics are on the clipboard.</source>
      <translation>Die Diagnose ist in der Zwischenablage.</translation>
    </message>
    <message>
      <source>Polygons over imagery</source>
      <translation>Polygone über Bildern</translation>
    </message>
    <message>
      <source>Loading the model {name}…</source>
      <translation>Das Modell {name} wird geladen…</translation>
    </message>
    <message>
      <source>Ask about polygons</source>
      <translation>Nach Polygonen fragen</translation>
    </message>
    <message>
      <source>question,answer,visual question answering,VQA,raster,language model,AI,text,attribute</source>
      <translation>Frage,Antwort,visuelle Fragebeantwortung,VQA,Raster,Sprachmodell,KI,Text,Attribut</translation>
    </message>
    <message>
      <source>Asks the same question about each polygon and writes the answers into a field.</source>
      <translation>Stellt zu jedem Polygon dieselbe Frage und schreibt die Antworten in ein Feld.</translation>
    </message>
    <message>
      <source>Asks one question about every polygon, each by itself, and writes the answers into a text field. The model looks at the raster inside the polygon and runs on this computer.

&lt;b&gt;Question&lt;/b&gt;: for example “Is there water in &amp;lt;region&amp;gt;?”; &amp;lt;region&amp;gt; stands for the polygon and may be left out. Asked about &lt;b&gt;all polygons together&lt;/b&gt;, up to {most} are seen in one picture; they are &amp;lt;region1&amp;gt;, &amp;lt;region2&amp;gt; and so on, by their feature id, and all get the one answer.

The &lt;i&gt;status&lt;/i&gt; says why a polygon has no answer. The built-in model was taught few kinds of questions; a larger model answers more.

Edited in place, an existing text field is filled in one undo step. A cancelled run keeps the polygons that are done.</source>
      <translation>Stellt eine Frage zu jedem Polygon, jedes für sich, und schreibt die Antworten in ein Textfeld. Das Modell betrachtet das Raster innerhalb des Polygons und läuft auf diesem Rechner.

&lt;b&gt;Frage&lt;/b&gt;: zum Beispiel „Is there water in &amp;lt;region&amp;gt;?“ (das eingebaute Modell versteht nur Englisch); &amp;lt;region&amp;gt; steht für das Polygon und darf fehlen. Nach &lt;b&gt;allen Polygonen gemeinsam&lt;/b&gt; gefragt, werden bis zu {most} in einem Bild gesehen; sie heißen der Objekt-ID nach &amp;lt;region1&amp;gt;, &amp;lt;region2&amp;gt; und so weiter, und alle erhalten die eine Antwort.

Der &lt;i&gt;Status&lt;/i&gt; sagt, warum ein Polygon keine Antwort hat. Das eingebaute Modell hat wenige Arten von Fragen gelernt; ein größeres beantwortet mehr.

Direkt bearbeitet, wird ein vorhandenes Textfeld in einem Schritt gefüllt, der sich rückgängig machen lässt. Ein abgebrochener Lauf behält die fertigen Polygone.</translation>
    </message>
    <message>
      <source>Polygons with answers</source>
      <translation>Polygone mit Antworten</translation>
    </message>
    <message>
      <source>Question</source>
      <translation>Frage</translation>
    </message>
    <message>
      <source>Ask about all polygons together</source>
      <translation>Nach allen Polygonen gemeinsam fragen</translation>
    </message>
    <message>
      <source>Field for the answer</source>
      <translation>Feld für die Antwort</translation>
    </message>
    <message>
      <source>Answer about all polygons together</source>
      <translation>Antwort zu allen Polygonen gemeinsam</translation>
    </message>
    <message>
      <source>{count} polygons are too many for one question; select at most {most}.</source>
      <translation>{count} Polygone sind zu viele für eine Frage; wählen Sie höchstens {most} aus.</translation>
    </message>
    <message>
      <source>Classify polygons into my labels</source>
      <translation>Polygone nach meinen Bezeichnungen einteilen</translation>
    </message>
    <message>
      <source>classification,zero-shot,labels,land cover,raster,language model,AI,probability</source>
      <translation>Klassifikation,Zero-Shot,Bezeichnungen,Landbedeckung,Raster,Sprachmodell,KI,Wahrscheinlichkeit</translation>
    </message>
    <message>
      <source>Gives each polygon the likeliest label of a list, with its probability.</source>
      <translation>Gibt jedem Polygon die wahrscheinlichste Bezeichnung einer Liste mit ihrer Wahrscheinlichkeit.</translation>
    </message>
    <message>
      <source>Gives each polygon the likeliest of your own labels, by a model that looks at the raster inside it and runs on this computer. Nothing is trained.

&lt;b&gt;Labels&lt;/b&gt;: two or more, separated by commas, semicolons or lines, in any words: “forest, meadow, car park with cars”.

The &lt;i&gt;probability&lt;/i&gt; (0 to 1) is that of the label among those given, so it says nothing about labels that are not in the list: one of them fits best even where none fits. The &lt;i&gt;status&lt;/i&gt; says why a polygon has no label.

Edited in place, existing fields are filled in one undo step; polygons that cannot be classified keep what they had. A cancelled run keeps the polygons that are done.</source>
      <translation>Gibt jedem Polygon die wahrscheinlichste Ihrer eigenen Bezeichnungen, mit einem Modell, das das Raster darin betrachtet und auf diesem Rechner läuft. Nichts wird trainiert.

&lt;b&gt;Bezeichnungen&lt;/b&gt;: zwei oder mehr, durch Kommas, Strichpunkte oder Zeilen getrennt, in beliebigen Worten: „forest, meadow, car park with cars“ (das eingebaute Modell versteht nur Englisch).

Die &lt;i&gt;Wahrscheinlichkeit&lt;/i&gt; (0 bis 1) ist die der Bezeichnung unter den gegebenen; sie sagt nichts über andere: eine passt am besten, auch wo keine passt. Der &lt;i&gt;Status&lt;/i&gt; sagt, warum ein Polygon keine Bezeichnung hat.

Direkt bearbeitet, werden vorhandene Felder in einem Schritt gefüllt, der sich rückgängig machen lässt; Polygone, die sich nicht einteilen lassen, behalten, was sie hatten. Ein abgebrochener Lauf behält die fertigen Polygone.</translation>
    </message>
    <message>
      <source>Classified polygons</source>
      <translation>Eingeteilte Polygone</translation>
    </message>
    <message>
      <source>Probability</source>
      <translation>Wahrscheinlichkeit</translation>
    </message>
    <message>
      <source>Labels, separated by commas or lines</source>
      <translation>Bezeichnungen, durch Kommas oder Zeilen getrennt</translation>
    </message>
    <message>
      <source>Field for the label</source>
      <translation>Feld für die Bezeichnung</translation>
    </message>
    <message>
      <source>A field to write to has no name; give it one.</source>
      <translation>Ein Feld, in das geschrieben wird, hat keinen Namen; geben Sie ihm einen.</translation>
    </message>
    <message>
      <source>Two results would be written to the field “{name}”; choose different fields.</source>
      <translation>Zwei Ergebnisse würden in das Feld „{name}“ geschrieben; wählen Sie verschiedene Felder.</translation>
    </message>
    <message>
      <source>The layer's field “{name}” is of another type; choose another field.</source>
      <translation>Das Feld „{name}“ des Layers ist von anderem Typ; wählen Sie ein anderes.</translation>
    </message>
    <message>
      <source>The layer has no field “{name}”; choose one that it has, or run the algorithm without editing in place.</source>
      <translation>Der Layer hat kein Feld „{name}“; wählen Sie eines, das er hat, oder führen Sie den Algorithmus nicht direkt auf dem Layer aus.</translation>
    </message>
    <message>
      <source>Similarity of polygons to a region</source>
      <translation>Ähnlichkeit von Polygonen mit einer Region</translation>
    </message>
    <message>
      <source>similarity,cosine,search,find similar,embedding,compare,ranking,raster,AI,attribute</source>
      <translation>Ähnlichkeit,Kosinus,Suche,Ähnliches finden,Einbettung,Vergleich,Rangfolge,Raster,KI,Attribut</translation>
    </message>
    <message>
      <source>Writes how alike each polygon is to one reference polygon into a field.</source>
      <translation>Schreibt in ein Feld, wie ähnlich jedes Polygon einem Bezugspolygon ist.</translation>
    </message>
    <message>
      <source>Compares the model's vector of a &lt;b&gt;reference polygon&lt;/b&gt; (exactly one; select it and tick “Selected features only”) with the vector of every polygon of a layer. The cosine similarity is 1 for what looks the same to the model, 0 for what has nothing in common, and may be negative.

Sort or colour the layer by it to find the polygons that are like the reference. Each polygon is seen at its own scale, as when it is described, so polygons of a very different size are less alike. Similarity is no probability: look at the ranking before choosing a threshold.

Edited in place, an existing number field is filled in one undo step; polygons that cannot be seen keep what they had. A cancelled run keeps the polygons that are done.</source>
      <translation>Vergleicht den Vektor, den das Modell von einem &lt;b&gt;Bezugspolygon&lt;/b&gt; hat (genau einem; wählen Sie es aus und schalten Sie „Nur ausgewählte Objekte“ ein), mit dem Vektor jedes Polygons eines Layers. Die Kosinusähnlichkeit ist 1 für das, was dem Modell gleich aussieht, 0 für das, was nichts gemein hat, und kann negativ sein.

Sortieren oder färben Sie den Layer danach, um die Polygone zu finden, die dem Bezug gleichen. Jedes Polygon wird in seinem eigenen Maßstab gesehen, wie beim Beschreiben; darum sind Polygone sehr anderer Größe weniger ähnlich. Ähnlichkeit ist keine Wahrscheinlichkeit: sehen Sie sich die Rangfolge an, bevor Sie eine Schwelle wählen.

Direkt bearbeitet, wird ein vorhandenes Zahlenfeld in einem Schritt gefüllt, der sich rückgängig machen lässt; Polygone, die sich nicht sehen lassen, behalten, was sie hatten. Ein abgebrochener Lauf behält die fertigen Polygone.</translation>
    </message>
    <message>
      <source>Compared polygons</source>
      <translation>Verglichene Polygone</translation>
    </message>
    <message>
      <source>Field for the similarity</source>
      <translation>Feld für die Ähnlichkeit</translation>
    </message>
    <message>
      <source>Describe polygons</source>
      <translation>Polygone beschreiben</translation>
    </message>
    <message>
      <source>description,caption,image,raster,text,language model,AI,vision,attribute,remote sensing</source>
      <translation>Beschreibung,Bildunterschrift,Bild,Raster,Text,Sprachmodell,KI,Sehen,Attribut,Fernerkundung</translation>
    </message>
    <message>
      <source>Writes what a raster shows inside each polygon into its attributes.</source>
      <translation>Schreibt in die Attribute jedes Polygons, was ein Raster darin zeigt.</translation>
    </message>
    <message>
      <source>Looks at a raster inside each polygon and writes what is there into a text field, by a model that runs on this computer.

&lt;b&gt;Style&lt;/b&gt;: a category (a word or two), a phrase, a description (one or two sentences) or a detailed description. &lt;b&gt;My prompt&lt;/b&gt;, if there is one, is asked instead; &amp;lt;region&amp;gt; in it stands for the polygon.

Further fields: the &lt;i&gt;label&lt;/i&gt; is the category; the &lt;i&gt;confidence&lt;/i&gt; (0 to 1) is that of the label, and below 0.5 the built-in model's text begins with “Perhaps”; the &lt;i&gt;status&lt;/i&gt; says why a polygon has no text, for example because it lies outside the raster.

Bands, model, device and how much is shown around each polygon are advanced parameters. Batches and surroundings never mix polygons: a text does not depend on what else is in the layer.

Edited in place, an existing text field is filled in one undo step; polygons that cannot be described keep what they had. A cancelled run keeps the polygons that are done.</source>
      <translation>Betrachtet ein Raster innerhalb jedes Polygons und schreibt in ein Textfeld, was dort ist, mit einem Modell, das auf diesem Rechner läuft. Das eingebaute Modell schreibt Englisch.

&lt;b&gt;Stil&lt;/b&gt;: eine Kategorie (ein oder zwei Wörter), eine Wortgruppe, eine Beschreibung (ein oder zwei Sätze) oder eine ausführliche Beschreibung. &lt;b&gt;Meine Anweisung&lt;/b&gt; tritt, wenn es sie gibt, an seine Stelle; &amp;lt;region&amp;gt; darin steht für das Polygon.

Weitere Felder: die &lt;i&gt;Bezeichnung&lt;/i&gt; ist die Kategorie; die &lt;i&gt;Sicherheit&lt;/i&gt; (0 bis 1) ist die der Bezeichnung, und unter 0,5 beginnt der Text des eingebauten Modells mit „Perhaps“ (vielleicht); der &lt;i&gt;Status&lt;/i&gt; sagt, warum ein Polygon keinen Text hat, zum Beispiel weil es außerhalb des Rasters liegt.

Kanäle, Modell, Gerät und wie viel um jedes Polygon gezeigt wird, sind erweiterte Parameter. Stapel und Umgebung vermischen nie Polygone: ein Text hängt nicht davon ab, was sonst im Layer ist.

Direkt bearbeitet, wird ein vorhandenes Textfeld in einem Schritt gefüllt, der sich rückgängig machen lässt; Polygone, die sich nicht beschreiben lassen, behalten, was sie hatten. Ein abgebrochener Lauf behält die fertigen Polygone.</translation>
    </message>
    <message>
      <source>Described polygons</source>
      <translation>Beschriebene Polygone</translation>
    </message>
    <message>
      <source>My prompt (asked instead of the style)</source>
      <translation>Meine Anweisung (statt des Stils)</translation>
    </message>
    <message>
      <source>Field for the text</source>
      <translation>Feld für den Text</translation>
    </message>
    <message>
      <source>Raster</source>
      <translation>Raster</translation>
    </message>
    <message>
      <source>Bands shown as red, green, blue (for example 4,3,2; empty: the raster's own)</source>
      <translation>Kanäle für Rot, Grün, Blau (zum Beispiel 4,3,2; leer: die des Rasters)</translation>
    </message>
    <message>
      <source>Look at the colours as displayed instead of the data</source>
      <translation>Die Farben wie angezeigt betrachten statt der Daten</translation>
    </message>
    <message>
      <source>Surroundings shown around each polygon</source>
      <translation>Gezeigte Umgebung um jedes Polygon</translation>
    </message>
    <message>
      <source>As the model was taught</source>
      <translation>Wie das Modell es gelernt hat</translation>
    </message>
    <message>
      <source>Twice as much</source>
      <translation>Doppelt so viel</translation>
    </message>
    <message>
      <source>Four times as much</source>
      <translation>Viermal so viel</translation>
    </message>
    <message>
      <source>Model (a built-in name or a folder)</source>
      <translation>Modell (ein eingebauter Name oder ein Ordner)</translation>
    </message>
    <message>
      <source>Polygons at a time</source>
      <translation>Polygone auf einmal</translation>
    </message>
    <message>
      <source>The raster cannot be opened; choose a raster layer or file.</source>
      <translation>Das Raster lässt sich nicht öffnen; wählen Sie einen Rasterlayer oder eine Datei.</translation>
    </message>
    <message>
      <source>Bands and “as displayed” exclude each other; empty the bands or untick it.</source>
      <translation>Kanäle und „wie angezeigt“ schließen einander aus; leeren Sie die Kanäle, oder schalten Sie es ab.</translation>
    </message>
    <message>
      <source>The bands are “{text}”; give one number (grey) or three (red, green, blue), as 4,3,2.</source>
      <translation>Die Kanäle sind „{text}“; geben Sie eine Zahl (grau) oder drei an (Rot, Grün, Blau), wie 4,3,2.</translation>
    </message>
    <message>
      <source>The bands are “{text}”, but {name} has bands 1 to {count}.</source>
      <translation>Die Kanäle sind „{text}“, aber {name} hat die Kanäle 1 bis {count}.</translation>
    </message>
    <message>
      <source>“{device}” is no device; use auto, cpu, cuda or cuda:0.</source>
      <translation>„{device}“ ist kein Gerät; nutzen Sie auto, cpu, cuda oder cuda:0.</translation>
    </message>
    <message>
      <source>The polygon layer cannot be opened; choose another one.</source>
      <translation>Der Polygonlayer lässt sich nicht öffnen; wählen Sie einen anderen.</translation>
    </message>
    <message>
      <source>{name} is no polygon layer; choose one, or buffer its features first.</source>
      <translation>{name} ist kein Polygonlayer; wählen Sie einen, oder puffern Sie zuerst seine Objekte.</translation>
    </message>
    <message>
      <source>No polygon of {name} is selected; select some or untick “Selected features only”.</source>
      <translation>Kein Polygon von {name} ist ausgewählt; wählen Sie welche aus, oder schalten Sie „Nur ausgewählte Objekte“ ab.</translation>
    </message>
    <message>
      <source>Polygons</source>
      <translation>Polygone</translation>
    </message>
    <message>
      <source>The algorithm was not prepared; run it through Processing.</source>
      <translation>Der Algorithmus wurde nicht vorbereitet; führen Sie ihn über die Verarbeitung aus.</translation>
    </message>
    <message>
      <source>Cancelled.</source>
      <translation>Abgebrochen.</translation>
    </message>
    <message>
      <source>{count} texts were too long for their field and are cut short.</source>
      <translation>{count} Texte waren zu lang für ihr Feld und sind gekürzt.</translation>
    </message>
    <message>
      <source>The map cannot be written ({reason}); choose another file.</source>
      <translation>Die Karte lässt sich nicht schreiben ({reason}); wählen Sie eine andere Datei.</translation>
    </message>
    <message>
      <source>The map cannot be written ({reason}); is the disk full?</source>
      <translation>Die Karte lässt sich nicht schreiben ({reason}); ist der Datenträger voll?</translation>
    </message>
    <message>
      <source>Maps cannot be written as {suffix} files; choose a .tif file.</source>
      <translation>Karten lassen sich nicht als {suffix}-Dateien schreiben; wählen Sie eine .tif-Datei.</translation>
    </message>
    <message>
      <source>Reference polygon</source>
      <translation>Bezugspolygon</translation>
    </message>
    <message>
      <source>{name} has {count} polygons, but one reference is needed; select it and tick “Selected features only”.</source>
      <translation>{name} hat {count} Polygone, aber ein Bezug wird gebraucht; wählen Sie ihn aus und schalten Sie „Nur ausgewählte Objekte“ ein.</translation>
    </message>
    <message>
      <source>Region embeddings</source>
      <translation>Einbettungen von Regionen</translation>
    </message>
    <message>
      <source>embedding,vector,features,mask token,clustering,similarity,raster,AI,machine learning</source>
      <translation>Einbettung,Vektor,Merkmale,Masken-Token,Clustern,Ähnlichkeit,Raster,KI,maschinelles Lernen</translation>
    </message>
    <message>
      <source>Writes the vector that the model has of each polygon, for clustering, search or a classifier.</source>
      <translation>Schreibt den Vektor, den das Modell von jedem Polygon hat, zum Clustern, Suchen oder für einen Klassifikator.</translation>
    </message>
    <message>
      <source>Writes the model's vector of each polygon: its mask token, which is made of the picture's features inside the polygon and is what the model reads when it describes it. Polygons that look alike have vectors that point the same way. It holds neither the surroundings nor the polygon's shape and place.

The vectors go into number fields (&lt;b&gt;prefix&lt;/b&gt; and a number: e0, e1, …), into a &lt;b&gt;table&lt;/b&gt; (CSV with the feature's id, its status and the vector), or into both; an empty prefix makes no fields.

With &lt;b&gt;length 1&lt;/b&gt; the sum of products of two vectors is their cosine similarity. Vectors of different models cannot be compared.</source>
      <translation>Schreibt den Vektor, den das Modell von jedem Polygon hat: sein Masken-Token, das aus den Bildmerkmalen innerhalb des Polygons entsteht und das das Modell liest, wenn es das Polygon beschreibt. Polygone, die ähnlich aussehen, haben Vektoren, die in dieselbe Richtung zeigen. Es enthält weder die Umgebung noch Form und Ort des Polygons.

Die Vektoren kommen in Zahlenfelder (&lt;b&gt;Präfix&lt;/b&gt; und eine Zahl: e0, e1, …), in eine &lt;b&gt;Tabelle&lt;/b&gt; (CSV mit der ID des Objekts, seinem Status und dem Vektor) oder in beide; ein leeres Präfix legt keine Felder an.

Bei &lt;b&gt;Länge 1&lt;/b&gt; ist die Summe der Produkte zweier Vektoren ihre Kosinusähnlichkeit. Vektoren verschiedener Modelle lassen sich nicht vergleichen.</translation>
    </message>
    <message>
      <source>Polygons with vectors</source>
      <translation>Polygone mit Vektoren</translation>
    </message>
    <message>
      <source>Scale vectors to length 1</source>
      <translation>Vektoren auf Länge 1 bringen</translation>
    </message>
    <message>
      <source>Prefix of the fields (empty: no fields)</source>
      <translation>Präfix der Felder (leer: keine Felder)</translation>
    </message>
    <message>
      <source>Table of vectors</source>
      <translation>Tabelle der Vektoren</translation>
    </message>
    <message>
      <source>CSV files (*.csv)</source>
      <translation>CSV-Dateien (*.csv)</translation>
    </message>
    <message>
      <source>This model does not say how long its vectors are; empty the prefix and write a table.</source>
      <translation>Dieses Modell sagt nicht, wie lang seine Vektoren sind; leeren Sie das Präfix, und schreiben Sie eine Tabelle.</translation>
    </message>
    <message>
      <source>The table cannot be written ({reason}); choose another file.</source>
      <translation>Die Tabelle lässt sich nicht schreiben ({reason}); wählen Sie eine andere Datei.</translation>
    </message>
    <message>
      <source>Similarity to a region</source>
      <translation>Ähnlichkeit mit einer Region</translation>
    </message>
    <message>
      <source>similarity,cosine,search,find similar,embedding,heat map,raster,AI,explain,features</source>
      <translation>Ähnlichkeit,Kosinus,Suche,Ähnliches finden,Einbettung,Heatmap,Raster,KI,Erklärung,Merkmale</translation>
    </message>
    <message>
      <source>Maps how alike every place of a raster is to one reference polygon.</source>
      <translation>Zeigt als Karte, wie ähnlich jeder Ort eines Rasters einem Bezugspolygon ist.</translation>
    </message>
    <message>
      <source>Compares the model's vector of a &lt;b&gt;reference polygon&lt;/b&gt; (exactly one; select it and tick “Selected features only”) with every place of the raster. The cosine similarity is 1 for what looks the same to the model, 0 for what has nothing in common, and may be negative.

The vector of a polygon is a linear map of the mean of the picture's features inside it. Here the same map is applied to each single cell: four pixels of the picture the model sees, at the scale at which it sees the reference. The result is what the mask-aware extractor looks at, in the blocks it sees it in; coarse features are repeated, not smoothed. Features reach beyond their cell, so edges are soft.

A small reference in a large raster makes a large map, as its scale is fine; an &lt;b&gt;extent&lt;/b&gt; limits it. A cancelled run keeps the part that is done. Similarity is no probability: look at the map before choosing a threshold.</source>
      <translation>Vergleicht den Vektor, den das Modell von einem &lt;b&gt;Bezugspolygon&lt;/b&gt; hat (genau einem; wählen Sie es aus und schalten Sie „Nur ausgewählte Objekte“ ein), mit jedem Ort des Rasters. Die Kosinusähnlichkeit ist 1 für das, was dem Modell gleich aussieht, 0 für das, was nichts gemein hat, und kann negativ sein.

Der Vektor eines Polygons ist eine lineare Abbildung des Mittels der Bildmerkmale darin. Hier wird dieselbe Abbildung auf jede einzelne Zelle angewandt: vier Pixel des Bildes, das das Modell sieht, in dem Maßstab, in dem es den Bezug sieht. Das Ergebnis ist, worauf der maskenbewusste Extraktor schaut, in den Blöcken, in denen er es sieht; grobe Merkmale werden wiederholt, nicht geglättet. Merkmale reichen über ihre Zelle hinaus, darum sind Kanten weich.

Ein kleiner Bezug in einem großen Raster gibt eine große Karte, da sein Maßstab fein ist; eine &lt;b&gt;Ausdehnung&lt;/b&gt; begrenzt sie. Ein abgebrochener Lauf behält den fertigen Teil. Ähnlichkeit ist keine Wahrscheinlichkeit: sehen Sie sich die Karte an, bevor Sie eine Schwelle wählen.</translation>
    </message>
    <message>
      <source>Extent of the map</source>
      <translation>Ausdehnung der Karte</translation>
    </message>
    <message>
      <source>Similarity map</source>
      <translation>Ähnlichkeitskarte</translation>
    </message>
    <message>
      <source>Tiles looked at</source>
      <translation>Betrachtete Kacheln</translation>
    </message>
    <message>
      <source>{tiles} tiles make a map of {width} × {height} cells.</source>
      <translation>{tiles} Kacheln geben eine Karte von {width} × {height} Zellen.</translation>
    </message>
    <message>
      <source>Polygons {status}</source>
      <translation>Polygone {status}</translation>
    </message>
    <message>
      <source>Area in square metres</source>
      <translation>Fläche in Quadratmetern</translation>
    </message>
    <message>
      <source>Further fields</source>
      <translation>Weitere Felder</translation>
    </message>
    <message>
      <source>{name} sent no picture of this place; check the connection, and that the service covers the polygon.</source>
      <translation>{name} hat von diesem Ort kein Bild geschickt; prüfen Sie die Verbindung, und ob der Dienst das Polygon abdeckt.</translation>
    </message>
    <message>
      <source>{name} could not be read ({reason}); check the connection and the layer's source, then run again.</source>
      <translation>{name} ließ sich nicht lesen ({reason}); prüfen Sie die Verbindung und die Quelle des Layers, und starten Sie noch einmal.</translation>
    </message>
    <message>
      <source>its provider gives no reason</source>
      <translation>die Quelle nennt keinen Grund</translation>
    </message>
    <message>
      <source>Choose a raster layer.</source>
      <translation>Wählen Sie einen Rasterlayer.</translation>
    </message>
    <message>
      <source>{name} is no raster layer; choose one.</source>
      <translation>{name} ist kein Rasterlayer; wählen Sie einen.</translation>
    </message>
    <message>
      <source>{name} has no pixels; choose another raster layer.</source>
      <translation>{name} hat keine Pixel; wählen Sie einen anderen Rasterlayer.</translation>
    </message>
    <message>
      <source>{name} holds complex numbers; convert it to amplitudes first.</source>
      <translation>{name} enthält komplexe Zahlen; wandeln Sie sie zuerst in Amplituden um.</translation>
    </message>
    <message>
      <source>{name} holds numbers that this version of QGIS cannot read; convert it to 32 bits first.</source>
      <translation>{name} enthält Zahlen, die diese QGIS-Version nicht lesen kann; wandeln Sie es erst in 32 Bit um.</translation>
    </message>
    <message>
      <source>Descriptions</source>
      <translation>Beschreibungen</translation>
    </message>
    <message>
      <source>{name} cannot be edited now; results are not written.</source>
      <translation>{name} lässt sich gerade nicht bearbeiten; Ergebnisse werden nicht geschrieben.</translation>
    </message>
    <message>
      <source>Describe {polygons}</source>
      <translation>{polygons} beschreiben</translation>
    </message>
    <message>
      <source>{layer} does not take the new field {name}; choose an existing one.</source>
      <translation>{layer} nimmt das neue Feld {name} nicht an; wählen Sie ein vorhandenes.</translation>
    </message>
    <message>
      <source>The polygons of {name} have other numbers or shapes now than when they were described.</source>
      <translation>Die Polygone von {name} haben jetzt andere Nummern oder Formen als zu der Zeit, als sie beschrieben wurden.</translation>
    </message>
    <message>
      <source>Polygons that the layer's filter hides, or that are gone: {count}.</source>
      <translation>Polygone, die der Filter des Layers verbirgt oder die es nicht mehr gibt: {count}.</translation>
    </message>
    <message>
      <source>Results that {name} has no place for: {count}.</source>
      <translation>Ergebnisse, für die {name} keinen Platz hat: {count}.</translation>
    </message>
    <message>
      <source>Polygons no longer in the layer: {count}.</source>
      <translation>Polygone, die nicht mehr im Layer sind: {count}.</translation>
    </message>
    <message>
      <source>Texts too long for their field, cut after a word: {count}.</source>
      <translation>Texte, zu lang für ihr Feld und nach einem Wort gekürzt: {count}.</translation>
    </message>
    <message>
      <source>Numbers too large for their field, which is left empty: {count}.</source>
      <translation>Zahlen, die zu groß für ihr Feld sind, das leer bleibt: {count}.</translation>
    </message>
    <message>
      <source>New fields have other names than you chose: {names}.</source>
      <translation>Neue Felder heißen anders, als Sie wählten: {names}.</translation>
    </message>
    <message>
      <source>Polygons written: {count}.</source>
      <translation>Geschriebene Polygone: {count}.</translation>
    </message>
    <message>
      <source>Gone: {ids}</source>
      <translation>Fort: {ids}</translation>
    </message>
    <message>
      <source>Hidden or gone: {ids}</source>
      <translation>Verborgen oder fort: {ids}</translation>
    </message>
    <message>
      <source>Cut: {ids}</source>
      <translation>Gekürzt: {ids}</translation>
    </message>
    <message>
      <source>Too large: {ids}</source>
      <translation>Zu groß: {ids}</translation>
    </message>
    <message>
      <source>{format} keeps {count} letters of a field's name.</source>
      <translation>{format} behält {count} Buchstaben eines Feldnamens.</translation>
    </message>
    <message>
      <source>{name} could not be saved; it stays open for editing, with the results in it.</source>
      <translation>{name} ließ sich nicht speichern; der Layer bleibt zum Bearbeiten offen, mit den Ergebnissen darin.</translation>
    </message>
    <message>
      <source>Cancelled before any polygon was described.</source>
      <translation>Abgebrochen, bevor ein Polygon beschrieben war.</translation>
    </message>
    <message>
      <source>There was no polygon to describe.</source>
      <translation>Es gab kein Polygon zu beschreiben.</translation>
    </message>
    <message>
      <source>Descriptions are ready</source>
      <translation>Beschreibungen sind fertig</translation>
    </message>
    <message>
      <source>Looked at: {polygons} of “{name}”. Save the texts to the layer now?</source>
      <translation>Betrachtet: {polygons} aus „{name}“. Die Texte jetzt im Layer speichern?</translation>
    </message>
    <message>
      <source>Or leave the layer open for editing: you look first, then save or undo. Aquila does the same after later runs; Settings → Options → Aquila changes it.</source>
      <translation>Oder lassen Sie den Layer zum Bearbeiten offen: dann sehen Sie erst nach und speichern oder nehmen zurück. Aquila tut nach späteren Läufen dasselbe; Einstellungen → Optionen → Aquila ändert es.</translation>
    </message>
    <message>
      <source>&amp;Save now</source>
      <translation>Jetzt &amp;speichern</translation>
    </message>
    <message>
      <source>&amp;Leave open for editing</source>
      <translation>Zum Bearbeiten offen &amp;lassen</translation>
    </message>
    <message>
      <source>{error} Done before that: {counts}.</source>
      <translation>{error} Davor erledigt: {counts}.</translation>
    </message>
    <message>
      <source>Cancelled. Done before that: {counts}.</source>
      <translation>Abgebrochen. Davor erledigt: {counts}.</translation>
    </message>
    <message>
      <source>Done: {counts}.</source>
      <translation>Fertig: {counts}.</translation>
    </message>
    <message>
      <source>{name}, described</source>
      <translation>{name}, beschrieben</translation>
    </message>
    <message>
      <source>{reason} What was written about {polygons} can be added as a new layer.</source>
      <translation>{reason} Was über {polygons} geschrieben wurde, kann als neuer Layer hinzugefügt werden.</translation>
    </message>
    <message>
      <source>Add as layer</source>
      <translation>Als Layer hinzufügen</translation>
    </message>
    <message>
      <source>{name} cannot be opened; mend its data source in the layer's properties.</source>
      <translation>{name} lässt sich nicht öffnen; berichtigen Sie die Datenquelle in den Layereigenschaften.</translation>
    </message>
    <message>
      <source>{reason} Copy the text instead.</source>
      <translation>{reason} Kopieren Sie stattdessen den Text.</translation>
    </message>
    <message>
      <source>The memory is full; choose a smaller batch size or model in the options, and run again.</source>
      <translation>Der Speicher ist voll; wählen Sie in den Optionen weniger Polygone auf einmal oder ein kleineres Modell, und starten Sie noch einmal.</translation>
    </message>
    <message>
      <source>The run failed unexpectedly: {reason}</source>
      <translation>Der Lauf ist unerwartet gescheitert: {reason}</translation>
    </message>
    <message>
      <source>1 tile</source>
      <translation>1 Kachel</translation>
    </message>
    <message>
      <source>{count} tiles</source>
      <translation>{count} Kacheln</translation>
    </message>
    <message>
      <source>about {time}</source>
      <translation>etwa {time}</translation>
    </message>
    <message>
      <source>1 polygon</source>
      <translation>1 Polygon</translation>
    </message>
    <message>
      <source>{count} polygons</source>
      <translation>{count} Polygone</translation>
    </message>
    <message>
      <source>{done} of 1 polygon</source>
      <translation>{done} von 1 Polygon</translation>
    </message>
    <message>
      <source>{done} of {total} polygons</source>
      <translation>{done} von {total} Polygonen</translation>
    </message>
    <message>
      <source>{progress}, about {time} left</source>
      <translation>{progress}, noch etwa {time}</translation>
    </message>
    <message>
      <source>{count} s</source>
      <translation>{count} s</translation>
    </message>
    <message>
      <source>{count} min</source>
      <translation>{count} min</translation>
    </message>
    <message>
      <source>{count} h</source>
      <translation>{count} h</translation>
    </message>
    <message>
      <source>GPU</source>
      <translation>GPU</translation>
    </message>
    <message>
      <source>automatic device</source>
      <translation>automatisches Gerät</translation>
    </message>
    <message>
      <source>described</source>
      <translation>beschrieben</translation>
    </message>
    <message>
      <source>described in part (partly outside the raster)</source>
      <translation>teilweise beschrieben (zum Teil außerhalb des Rasters)</translation>
    </message>
    <message>
      <source>outside the raster</source>
      <translation>außerhalb des Rasters</translation>
    </message>
    <message>
      <source>without valid pixels</source>
      <translation>ohne gültige Pixel</translation>
    </message>
    <message>
      <source>with an invalid geometry</source>
      <translation>mit ungültiger Geometrie</translation>
    </message>
    <message>
      <source>failed</source>
      <translation>gescheitert</translation>
    </message>
    <message>
      <source>{polygons} in {time}, model {model}</source>
      <translation>{polygons} in {time}, Modell {model}</translation>
    </message>
  </context>
  <context>
    <name>AquilaOptionsPage</name>
    <message>
      <source>Found by itself</source>
      <translation>Wird selbst gefunden</translation>
    </message>
    <message>
      <source>The usual place</source>
      <translation>Der übliche Ort</translation>
    </message>
    <message>
      <source>Models</source>
      <translation>Modelle</translation>
    </message>
    <message>
      <source>&amp;Default model</source>
      <translation>&amp;Standardmodell</translation>
    </message>
    <message>
      <source>Running</source>
      <translation>Ausführung</translation>
    </message>
    <message>
      <source>D&amp;evice</source>
      <translation>G&amp;erät</translation>
    </message>
    <message>
      <source>&amp;Precision</source>
      <translation>&amp;Genauigkeit</translation>
    </message>
    <message>
      <source>Polygons at a &amp;time</source>
      <translation>Polygone au&amp;f einmal</translation>
    </message>
    <message>
      <source>&amp;After a run</source>
      <translation>N&amp;ach einem Lauf</translation>
    </message>
    <message>
      <source>auto, cpu, cuda, or cuda:1 for the second GPU</source>
      <translation>auto, cpu, cuda, oder cuda:1 für die zweite GPU</translation>
    </message>
    <message>
      <source>More are faster and take more memory</source>
      <translation>Mehr sind schneller und brauchen mehr Speicher</translation>
    </message>
    <message>
      <source>PyTorch</source>
      <translation>PyTorch</translation>
    </message>
    <message>
      <source>Set up…</source>
      <translation>Einrichten…</translation>
    </message>
    <message>
      <source>Python environment that &amp;has it</source>
      <translation>Python-Umgebung, die es &amp;hat</translation>
    </message>
    <message>
      <source>Folder to &amp;install it into</source>
      <translation>Ordner, in den es &amp;installiert wird</translation>
    </message>
    <message>
      <source>Prompts of your own</source>
      <translation>Eigene Anweisungen</translation>
    </message>
    <message>
      <source>{model} (not usable now)</source>
      <translation>{model} (zurzeit nicht nutzbar)</translation>
    </message>
    <message>
      <source>Ready: {versions}</source>
      <translation>Bereit: {versions}</translation>
    </message>
    <message>
      <source>Automatic: a GPU if there is one</source>
      <translation>Automatisch: eine GPU, wenn es eine gibt</translation>
    </message>
    <message>
      <source>CPU</source>
      <translation>CPU</translation>
    </message>
    <message>
      <source>GPU (CUDA)</source>
      <translation>GPU (CUDA)</translation>
    </message>
    <message>
      <source>Automatic: 32 bits on a CPU, 16 on a GPU</source>
      <translation>Automatisch: 32 Bit auf einer CPU, 16 auf einer GPU</translation>
    </message>
    <message>
      <source>32 bits</source>
      <translation>32 Bit</translation>
    </message>
    <message>
      <source>16 bits (bfloat16)</source>
      <translation>16 Bit (bfloat16)</translation>
    </message>
    <message>
      <source>16 bits (float16)</source>
      <translation>16 Bit (float16)</translation>
    </message>
    <message>
      <source>Ask whether to save the layer</source>
      <translation>Fragen, ob der Layer gespeichert wird</translation>
    </message>
    <message>
      <source>Save the layer at once</source>
      <translation>Den Layer sofort speichern</translation>
    </message>
    <message>
      <source>Leave the layer open for editing</source>
      <translation>Den Layer zum Bearbeiten offen lassen</translation>
    </message>
  </context>
  <context>
    <name>AskPanel</name>
    <message>
      <source>Ask</source>
      <translation>Fragen</translation>
    </message>
    <message>
      <source>Questions to start with, and the history</source>
      <translation>Fragen zum Anfangen und der Verlauf</translation>
    </message>
    <message>
      <source>Clear the history</source>
      <translation>Verlauf leeren</translation>
    </message>
    <message>
      <source>How do &lt;region1&gt; and &lt;region2&gt; differ?</source>
      <translation>How do &lt;region1&gt; and &lt;region2&gt; differ?</translation>
    </message>
    <message>
      <source>Are &lt;region1&gt; and &lt;region2&gt; of the same kind?</source>
      <translation>Are &lt;region1&gt; and &lt;region2&gt; of the same kind?</translation>
    </message>
    <message>
      <source>How can &lt;region1&gt; be told from &lt;region2&gt;?</source>
      <translation>How can &lt;region1&gt; be told from &lt;region2&gt;?</translation>
    </message>
    <message>
      <source>Which is larger, &lt;region1&gt; or &lt;region2&gt;?</source>
      <translation>Which is larger, &lt;region1&gt; or &lt;region2&gt;?</translation>
    </message>
    <message>
      <source>What is &lt;region&gt;?</source>
      <translation>What is &lt;region&gt;?</translation>
    </message>
    <message>
      <source>What surrounds &lt;region&gt;?</source>
      <translation>What surrounds &lt;region&gt;?</translation>
    </message>
    <message>
      <source>What colour and texture has &lt;region&gt;?</source>
      <translation>What colour and texture has &lt;region&gt;?</translation>
    </message>
    <message>
      <source>Which kinds of land cover are in &lt;region&gt;?</source>
      <translation>Which kinds of land cover are in &lt;region&gt;?</translation>
    </message>
    <message>
      <source>Is there water in &lt;region&gt;?</source>
      <translation>Is there water in &lt;region&gt;?</translation>
    </message>
    <message>
      <source>Put {name} into the question: {feature}</source>
      <translation>{name} in die Frage einsetzen: {feature}</translation>
    </message>
    <message>
      <source>Choose a raster layer in Aquila's panel.</source>
      <translation>Wählen Sie im Bedienfeld von Aquila einen Rasterlayer.</translation>
    </message>
    <message>
      <source>Choose a polygon layer in Aquila's panel.</source>
      <translation>Wählen Sie im Bedienfeld von Aquila einen Polygonlayer.</translation>
    </message>
    <message>
      <source>Select one polygon or a few to ask about them.</source>
      <translation>Wählen Sie ein oder einige Polygone aus, um nach ihnen zu fragen.</translation>
    </message>
    <message>
      <source>{count} polygons are selected; select at most {most} to ask about them together.</source>
      <translation>{count} Polygone sind ausgewählt; gemeinsam fragen lässt sich nach höchstens {most}.</translation>
    </message>
    <message>
      <source>{polygons} of “{layer}” over “{raster}”</source>
      <translation>{polygons} aus „{layer}“ über „{raster}“</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>{polygons} of “{layer}”</source>
      <translation>{polygons} aus „{layer}“</translation>
    </message>
    <message>
      <source>Cancelled.</source>
      <translation>Abgebrochen.</translation>
    </message>
  </context>
  <context>
    <name>DescribeOne</name>
    <message>
      <source>Choose a raster layer in Aquila's panel first.</source>
      <translation>Wählen Sie zuerst im Bedienfeld von Aquila einen Rasterlayer.</translation>
    </message>
    <message>
      <source>Set up…</source>
      <translation>Einrichten…</translation>
    </message>
    <message>
      <source>Looking…</source>
      <translation>Sieht hin…</translation>
    </message>
    <message>
      <source>The task was cancelled.</source>
      <translation>Die Aufgabe wurde abgebrochen.</translation>
    </message>
    <message>
      <source>Keep as a layer</source>
      <translation>Als Layer behalten</translation>
    </message>
    <message>
      <source>Store in “{field}”</source>
      <translation>In „{field}“ speichern</translation>
    </message>
    <message>
      <source>Stored in “{field}”.</source>
      <translation>In „{field}“ gespeichert.</translation>
    </message>
    <message>
      <source>Drawn polygons</source>
      <translation>Gezeichnete Polygone</translation>
    </message>
    <message>
      <source>Kept in the layer “{layer}”.</source>
      <translation>Im Layer „{layer}“ behalten.</translation>
    </message>
  </context>
  <context>
    <name>DescriptionBubble</name>
    <message>
      <source>Close (Esc)</source>
      <translation>Schließen (Esc)</translation>
    </message>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
  </context>
  <context>
    <name>Exchange</name>
    <message>
      <source>Select the polygons of this question again</source>
      <translation>Die Polygone dieser Frage wieder auswählen</translation>
    </message>
    <message>
      <source>Copy the answer</source>
      <translation>Die Antwort kopieren</translation>
    </message>
    <message>
      <source>Write the answer to the polygons it is about</source>
      <translation>Die Antwort zu den Polygonen schreiben, um die es geht</translation>
    </message>
    <message>
      <source>Store answer in field…</source>
      <translation>Antwort in Feld speichern…</translation>
    </message>
  </context>
  <context>
    <name>ExistingPage</name>
    <message>
      <source>Environment</source>
      <translation>Umgebung</translation>
    </message>
    <message>
      <source>Use this environment</source>
      <translation>Diese Umgebung nutzen</translation>
    </message>
    <message>
      <source>Do not use it any more</source>
      <translation>Nicht mehr nutzen</translation>
    </message>
    <message>
      <source>Choose the root of a virtual or conda environment, or its site-packages folder. It must be for the Python version of QGIS. Nothing in it is changed.</source>
      <translation>Wählen Sie das Wurzelverzeichnis einer virtuellen oder Conda-Umgebung oder ihren Ordner site-packages. Sie muss zur Python-Version von QGIS gehören. Nichts darin wird geändert.</translation>
    </message>
    <message>
      <source>This environment has everything.</source>
      <translation>Diese Umgebung hat alles.</translation>
    </message>
  </context>
  <context>
    <name>InstallPage</name>
    <message>
      <source>Folder for the packages</source>
      <translation>Ordner für die Pakete</translation>
    </message>
    <message>
      <source>Folder of wheels</source>
      <translation>Ordner mit Wheels</translation>
    </message>
    <message>
      <source>only without a network: a folder with .whl files</source>
      <translation>nur ohne Netz: ein Ordner mit .whl-Dateien</translation>
    </message>
    <message>
      <source>optional: an index with CPU or CUDA builds of PyTorch</source>
      <translation>optional: ein Index mit CPU- oder CUDA-Paketen von PyTorch</translation>
    </message>
    <message>
      <source>Remove</source>
      <translation>Entfernen</translation>
    </message>
    <message>
      <source>The wheels in the folder are installed; nothing is downloaded.</source>
      <translation>Die Wheels im Ordner werden installiert; nichts wird heruntergeladen.</translation>
    </message>
    <message>
      <source>About {download} to fetch, {needed} of disk while installing; {free} are free.</source>
      <translation>Etwa {download} herunterzuladen, {needed} Platz während der Installation; {free} sind frei.</translation>
    </message>
    <message>
      <source>Install</source>
      <translation>Installieren</translation>
    </message>
    <message>
      <source>Repair</source>
      <translation>Reparieren</translation>
    </message>
    <message>
      <source>Install into</source>
      <translation>Installieren in</translation>
    </message>
    <message>
      <source>Other package index</source>
      <translation>Anderer Paketindex</translation>
    </message>
    <message>
      <source>PyTorch and its companions go into a folder of their own; QGIS and its Python stay as they are.</source>
      <translation>PyTorch und seine Begleiter kommen in einen eigenen Ordner; QGIS und sein Python bleiben, wie sie sind.</translation>
    </message>
  </context>
  <context>
    <name>ModelList</name>
    <message>
      <source>checking …</source>
      <translation>wird geprüft …</translation>
    </message>
    <message>
      <source>Checking a model folder</source>
      <translation>Ein Modellordner wird geprüft</translation>
    </message>
    <message>
      <source>Model</source>
      <translation>Modell</translation>
    </message>
    <message>
      <source>Size</source>
      <translation>Größe</translation>
    </message>
    <message>
      <source>Needs</source>
      <translation>Braucht</translation>
    </message>
    <message>
      <source>Licence</source>
      <translation>Lizenz</translation>
    </message>
    <message>
      <source>Add folder…</source>
      <translation>Ordner hinzufügen…</translation>
    </message>
    <message>
      <source>A model folder holds config.json, model.safetensors and tokenizer.json</source>
      <translation>Ein Modellordner enthält config.json, model.safetensors und tokenizer.json</translation>
    </message>
    <message>
      <source>Remove from list</source>
      <translation>Aus der Liste nehmen</translation>
    </message>
    <message>
      <source>Model card</source>
      <translation>Modellbeschreibung</translation>
    </message>
    <message>
      <source>not stated</source>
      <translation>nicht angegeben</translation>
    </message>
    <message>
      <source>{name} (built in)</source>
      <translation>{name} (eingebaut)</translation>
    </message>
    <message>
      <source>cannot be used</source>
      <translation>nicht nutzbar</translation>
    </message>
    <message>
      <source>The check was interrupted; remove the folder and add it again.</source>
      <translation>Die Prüfung wurde unterbrochen; nehmen Sie den Ordner heraus und fügen Sie ihn wieder hinzu.</translation>
    </message>
    <message>
      <source>{parameters} million parameters; looks at pictures of {size} × {size} pixels.</source>
      <translation>{parameters} Millionen Parameter; sieht Bilder von {size} × {size} Pixeln.</translation>
    </message>
    <message>
      <source>A model folder</source>
      <translation>Ein Modellordner</translation>
    </message>
  </context>
  <context>
    <name>PreviewPanel</name>
    <message>
      <source>Previous selected polygon</source>
      <translation>Voriges ausgewähltes Polygon</translation>
    </message>
    <message>
      <source>Next selected polygon</source>
      <translation>Nächstes ausgewähltes Polygon</translation>
    </message>
    <message>
      <source>Outline</source>
      <translation>Umriss</translation>
    </message>
    <message>
      <source>Dim the surroundings</source>
      <translation>Umgebung abdunkeln</translation>
    </message>
    <message>
      <source>Reading the picture…</source>
      <translation>Das Bild wird gelesen…</translation>
    </message>
    <message>
      <source>What the model sees</source>
      <translation>Was das Modell sieht</translation>
    </message>
    <message>
      <source>Choose a raster layer in Aquila's panel.</source>
      <translation>Wählen Sie im Bedienfeld von Aquila einen Rasterlayer.</translation>
    </message>
    <message>
      <source>Choose a polygon layer in Aquila's panel.</source>
      <translation>Wählen Sie im Bedienfeld von Aquila einen Polygonlayer.</translation>
    </message>
    <message>
      <source>Select a polygon to see it as the model does.</source>
      <translation>Wählen Sie ein Polygon aus, um es zu sehen wie das Modell.</translation>
    </message>
    <message>
      <source>The picture was not read: the task was cancelled.</source>
      <translation>Das Bild wurde nicht gelesen: die Aufgabe wurde abgebrochen.</translation>
    </message>
    <message>
      <source>{side} × {side} pixels, {width} wide</source>
      <translation>{side} × {side} Pixel, {width} breit</translation>
    </message>
    <message>
      <source>A part of the polygon lies outside the raster.</source>
      <translation>Ein Teil des Polygons liegt außerhalb des Rasters.</translation>
    </message>
    <message>
      <source>The polygon lies outside the raster.</source>
      <translation>Das Polygon liegt außerhalb des Rasters.</translation>
    </message>
    <message>
      <source>The raster has no data under the polygon.</source>
      <translation>Das Raster hat unter dem Polygon keine Daten.</translation>
    </message>
    <message>
      <source>The polygon's geometry is empty or invalid; repair it first.</source>
      <translation>Die Geometrie des Polygons ist leer oder ungültig; reparieren Sie sie zuerst.</translation>
    </message>
    <message>
      <source>{at} of {count}</source>
      <translation>{at} von {count}</translation>
    </message>
    <message>
      <source>Not described yet.</source>
      <translation>Noch nicht beschrieben.</translation>
    </message>
  </context>
  <context>
    <name>PromptTable</name>
    <message>
      <source>Prompt {number}</source>
      <translation>Anweisung {number}</translation>
    </message>
    <message>
      <source>Describe the condition of &lt;region&gt;.</source>
      <translation>Describe the condition of &lt;region&gt;.</translation>
    </message>
    <message>
      <source>Two prompts are called “{name}”; give one another name.</source>
      <translation>Zwei Anweisungen heißen „{name}“; geben Sie einer einen anderen Namen.</translation>
    </message>
    <message>
      <source>“{name}”: {problem}</source>
      <translation>„{name}“: {problem}</translation>
    </message>
    <message>
      <source>Name</source>
      <translation>Name</translation>
    </message>
    <message>
      <source>Prompt</source>
      <translation>Anweisung</translation>
    </message>
    <message>
      <source>Add</source>
      <translation>Hinzufügen</translation>
    </message>
    <message>
      <source>Remove</source>
      <translation>Entfernen</translation>
    </message>
    <message>
      <source>Up</source>
      <translation>Nach oben</translation>
    </message>
    <message>
      <source>Down</source>
      <translation>Nach unten</translation>
    </message>
    <message>
      <source>Write &lt;region&gt; where the polygon belongs; {area} becomes its square metres, {gsd} the metres of a pixel. Aquila's panel offers these prompts too.</source>
      <translation>Schreiben Sie &lt;region&gt;, wo das Polygon hingehört; aus {area} werden seine Quadratmeter, aus {gsd} die Meter eines Pixels. Das Bedienfeld von Aquila bietet diese Anweisungen auch an.</translation>
    </message>
  </context>
  <context>
    <name>RecipePage</name>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
  </context>
  <context>
    <name>SetupDialog</name>
    <message>
      <source>Set up Aquila</source>
      <translation>Aquila einrichten</translation>
    </message>
    <message>
      <source>Stop</source>
      <translation>Anhalten</translation>
    </message>
    <message>
      <source>QGIS's Python was not found; use an existing environment instead.</source>
      <translation>Das Python von QGIS wurde nicht gefunden; nutzen Sie stattdessen eine vorhandene Umgebung.</translation>
    </message>
    <message>
      <source>Remove the packages in {folder}?</source>
      <translation>Die Pakete in {folder} entfernen?</translation>
    </message>
    <message>
      <source>Removed.</source>
      <translation>Entfernt.</translation>
    </message>
    <message>
      <source>Stop the installation?</source>
      <translation>Die Installation anhalten?</translation>
    </message>
    <message>
      <source>Try again</source>
      <translation>Erneut versuchen</translation>
    </message>
    <message>
      <source>The disk may be too full: about {size} more should be free. Install all the same?</source>
      <translation>Der Datenträger ist vielleicht zu voll: etwa {size} mehr sollten frei sein. Trotzdem installieren?</translation>
    </message>
    <message>
      <source>QGIS's own Python</source>
      <translation>das Python von QGIS</translation>
    </message>
    <message>
      <source>The model can run: PyTorch {version}, in {place}.</source>
      <translation>Das Modell kann laufen: PyTorch {version}, in {place}.</translation>
    </message>
    <message>
      <source>Install</source>
      <translation>Installieren</translation>
    </message>
    <message>
      <source>Use an existing environment</source>
      <translation>Vorhandene Umgebung nutzen</translation>
    </message>
    <message>
      <source>Without a network</source>
      <translation>Ohne Netz</translation>
    </message>
  </context>
  <context>
    <name>StoreDialog</name>
    <message>
      <source>Store answer in field</source>
      <translation>Antwort in Feld speichern</translation>
    </message>
    <message>
      <source>The answer is written to {polygons} of “{layer}”, in one step that can be undone.</source>
      <translation>Die Antwort wird für {polygons} aus „{layer}“ geschrieben, in einem Schritt, der sich rückgängig machen lässt.</translation>
    </message>
  </context>
</TS>
