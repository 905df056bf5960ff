<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
  <context>
    <name>Aquila</name>
    <message>
      <source>{layer} has no coordinate system and is taken to be in that of {other}; if it is not, set it in the layer's properties.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describing {polygons}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Asking about {polygons}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Counting {polygons}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add a raster layer: an aerial or satellite image that is to be described.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add a polygon layer, or draw a single polygon with the map tool.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Select polygons on the map, or untick “Selected features only”.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer “{name}” has no polygons.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>All polygons of the layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ask</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What it sees</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Aquila</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Target field</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The text field to write into, or the name of a new one</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>St&amp;yle</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>In&amp;to field</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>R&amp;aster</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Poly&amp;gons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Raster layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The image in which the polygons are looked at</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygon layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer whose polygons are described</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Selected features only</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe only the polygons that are selected in the layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Selected &amp;features only</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Selected &amp;features only ({chosen})</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Selected &amp;features only ({chosen} of {total})</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As displayed, &amp;not the data</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Dev&amp;ice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Automatic</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>CPU</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>GPU (CUDA)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>More models: Settings → Options → Aquila</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Device</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Automatic uses the graphics card where there is one</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As displayed</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The model sees the layer with its style, colours and transparency, instead of its data</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model: {model}, {device}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Descri&amp;be</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Set &amp;up Aquila…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Getting the model and the polygons ready…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>C&amp;ancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancelling…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Progress</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The latest description</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Write the question or instruction for each polygon.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Write at least two labels, separated by commas.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Style of the text</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How much is written about each polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>My labels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Each polygon gets the likeliest of these labels, with its probability</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>My prompt</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A question or instruction; &lt;region&gt; stands for the polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>forest, meadow, water, …</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What covers &lt;region&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Category</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What it is, in a word or two</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Phrase</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A short phrase</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Description</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>One or two sentences</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Detailed description</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Colour, texture, shape, size and surroundings</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>My labels…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The likeliest of your own labels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>My prompt…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The answer to your own question</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A new field: it is added when the run ends.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Field name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>An existing field, or a new name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>More fields ({count})</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>More fields</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Label</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The category or the likeliest of your labels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Confidence</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How sure the model is of the label, from 0 to 1</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Status</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Whether the polygon could be described, and if not, why</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Area</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The polygon's area on the ground in square metres</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The index or folder used has no {package} for Python {python} on this system.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>pip ended with code {code}: {line}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>PyTorch does not load: install Microsoft's Visual C++ runtime (x64), then try again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The packages were installed but do not work: {line}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>it wrote nothing</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The disk is full; make room, or choose a folder on another disk.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>QGIS's Python has no pip; install it (on Debian and Ubuntu: python3-pip), or use an existing folder.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The proxy refused the connection; check Settings → Options → Network (pip cannot use SOCKS proxies).</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The package index's certificate is not trusted here; ask your administrator, or use a folder of wheels.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The package index cannot be reached; check the network and QGIS's proxy, or use a folder of wheels.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A file cannot be written; close other QGIS windows, or choose another folder.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder's path is too long for Windows; choose one with a shorter path, for example on the drive's root.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The versions needed do not go with QGIS's numpy or with pip's settings; see what pip wrote below.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The packages in {folder} are in use; restart QGIS and do this before Aquila describes anything.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The model will run on the processor of this Mac.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No NVIDIA driver was found, so the model will run on the CPU. The usual package index has for Linux only the large build with CUDA, which runs on a CPU too; with the address of an index of CPU builds, below, it is a tenth of that.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No NVIDIA driver was found: the build for the CPU.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{gpu} was found: the build with CUDA, so that the model runs on it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{gpu} was found, but the usual package index has for Windows only the build for the CPU. For the GPU, give the address of an index of CUDA builds below; PyTorch's installation page names them.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>An NVIDIA GPU</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Through QGIS's proxy {proxy}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder {folder} holds no wheels; choose the one made by the recipe.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Another window of QGIS is installing into {folder}; wait until it is done.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder {folder} cannot be written ({error}); choose another one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancelled; nothing of it will be used.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>QGIS's Python ({python}) cannot be started; use an existing folder instead.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Trying the packages with the model…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Done.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Everything is installed; the model can run on: {devices}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking for the packages…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fetching {package}{size}…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Unpacking {count} packages…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{system} and Python {python}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1. On a computer with a network, {same}:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>2. Bring the folder {wheels} to this computer. Choose it as the folder of wheels and click Install; or remove what an installation left unfinished and run, where the folder is:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>3. If you ran the command yourself, restart QGIS. The packages are in:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder {folder} does not exist; choose another one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The installation in {folder} was not finished; repair or remove it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The installation in {folder} is damaged; repair or remove it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The packages in {folder} are not for QGIS's Python {python}; choose an environment of that version.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder {folder} lacks {packages}; choose another one, or install into Aquila's own.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Too old in {folder}: {packages}; choose another one, or install into Aquila's own.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The model needs PyTorch, which is not part of QGIS; choose “Set up…” in Aquila's menu.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>QGIS's Python lacks, or has too old: {packages}; choose “Set up…” in Aquila's menu.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Another plugin has already loaded PyTorch {version}, which is too old; switch it off and restart QGIS.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The polygon layer is gone; add it again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is no usable polygon layer; choose another one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} holds no polygons; choose a polygon layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is read-only; allow editing it in the project's properties, or export it to a new file.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The source of {name} cannot be edited; export the layer, for example to a GeoPackage.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the field that descriptions are written to.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The field {name} is chosen for two kinds of results; choose another one for the {kind}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} cannot be given new fields; choose an existing text field, or export the layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The field {name} is computed or joined and cannot be written to; choose another one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The field {name} identifies the polygons; choose another one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The field {name} is of type {type}; choose one for decimal numbers, or write a new name.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The field {name} is of type {type}; choose a text field, or write the name of a new one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>description</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>label</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>status</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>confidence</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>area</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>area unknown</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{area} m²</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{area} ha</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{area} km²</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>pixel size unknown</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{size} cm per pixel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{size} m per pixel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{length} m</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{length} km</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Level {level}: one pixel shows {count} × {count} of the raster's</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Level {level}: enlarged {count} times</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Level 0: the raster's own pixels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{share} %</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click a polygon, or draw one: click its corners and right-click, or drag a rectangle.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A polygon needs at least three corners that enclose some ground.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe this feature</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>More…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>CPU is enough</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>GPU of {gb} GB; a CPU is slow</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>GPU of {gb} GB</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>the folder {folder} is not there; plug its disk in, or remove it from the list.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>the weight files lack {name}, which their index names; copy the folder again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The index {name} cannot be read; copy the folder again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The weight file {name} is cut off or no safetensors file; copy the folder again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The weight file {name} is missing; copy the folder again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>it has no tokenizer.json and no tokenizer.model; copy the folder again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There is no model {name}; choose another one in Settings → Options → Aquila.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer “{name}” is gone.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer “{name}” was given another data source.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Set up…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Options…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Copy diagnostics</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Help</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Describe polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Aquila: describe polygons over a raster in words</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe by &amp;clicking</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click a polygon, or draw one, and read its description</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Aquila</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The diagnostics are on the clipboard.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons over imagery</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Loading the model {name}…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ask about polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>question,answer,visual question answering,VQA,raster,language model,AI,text,attribute</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Asks the same question about each polygon and writes the answers into a field.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Asks one question about every polygon, each by itself, and writes the answers into a text field. The model looks at the raster inside the polygon and runs on this computer.

&lt;b&gt;Question&lt;/b&gt;: for example “Is there water in &amp;lt;region&amp;gt;?”; &amp;lt;region&amp;gt; stands for the polygon and may be left out. Asked about &lt;b&gt;all polygons together&lt;/b&gt;, up to {most} are seen in one picture; they are &amp;lt;region1&amp;gt;, &amp;lt;region2&amp;gt; and so on, by their feature id, and all get the one answer.

The &lt;i&gt;status&lt;/i&gt; says why a polygon has no answer. The built-in model was taught few kinds of questions; a larger model answers more.

Edited in place, an existing text field is filled in one undo step. A cancelled run keeps the polygons that are done.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons with answers</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Question</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ask about all polygons together</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Field for the answer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Answer about all polygons together</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} polygons are too many for one question; select at most {most}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Classify polygons into my labels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>classification,zero-shot,labels,land cover,raster,language model,AI,probability</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Gives each polygon the likeliest label of a list, with its probability.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Gives each polygon the likeliest of your own labels, by a model that looks at the raster inside it and runs on this computer. Nothing is trained.

&lt;b&gt;Labels&lt;/b&gt;: two or more, separated by commas, semicolons or lines, in any words: “forest, meadow, car park with cars”.

The &lt;i&gt;probability&lt;/i&gt; (0 to 1) is that of the label among those given, so it says nothing about labels that are not in the list: one of them fits best even where none fits. The &lt;i&gt;status&lt;/i&gt; says why a polygon has no label.

Edited in place, existing fields are filled in one undo step; polygons that cannot be classified keep what they had. A cancelled run keeps the polygons that are done.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Classified polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Probability</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Labels, separated by commas or lines</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Field for the label</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A field to write to has no name; give it one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Two results would be written to the field “{name}”; choose different fields.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer's field “{name}” is of another type; choose another field.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer has no field “{name}”; choose one that it has, or run the algorithm without editing in place.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Similarity of polygons to a region</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>similarity,cosine,search,find similar,embedding,compare,ranking,raster,AI,attribute</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Writes how alike each polygon is to one reference polygon into a field.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Compares the model's vector of a &lt;b&gt;reference polygon&lt;/b&gt; (exactly one; select it and tick “Selected features only”) with the vector of every polygon of a layer. The cosine similarity is 1 for what looks the same to the model, 0 for what has nothing in common, and may be negative.

Sort or colour the layer by it to find the polygons that are like the reference. Each polygon is seen at its own scale, as when it is described, so polygons of a very different size are less alike. Similarity is no probability: look at the ranking before choosing a threshold.

Edited in place, an existing number field is filled in one undo step; polygons that cannot be seen keep what they had. A cancelled run keeps the polygons that are done.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Compared polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Field for the similarity</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>description,caption,image,raster,text,language model,AI,vision,attribute,remote sensing</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Writes what a raster shows inside each polygon into its attributes.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looks at a raster inside each polygon and writes what is there into a text field, by a model that runs on this computer.

&lt;b&gt;Style&lt;/b&gt;: a category (a word or two), a phrase, a description (one or two sentences) or a detailed description. &lt;b&gt;My prompt&lt;/b&gt;, if there is one, is asked instead; &amp;lt;region&amp;gt; in it stands for the polygon.

Further fields: the &lt;i&gt;label&lt;/i&gt; is the category; the &lt;i&gt;confidence&lt;/i&gt; (0 to 1) is that of the label, and below 0.5 the built-in model's text begins with “Perhaps”; the &lt;i&gt;status&lt;/i&gt; says why a polygon has no text, for example because it lies outside the raster.

Bands, model, device and how much is shown around each polygon are advanced parameters. Batches and surroundings never mix polygons: a text does not depend on what else is in the layer.

Edited in place, an existing text field is filled in one undo step; polygons that cannot be described keep what they had. A cancelled run keeps the polygons that are done.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Described polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>My prompt (asked instead of the style)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Field for the text</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Raster</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bands shown as red, green, blue (for example 4,3,2; empty: the raster's own)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Look at the colours as displayed instead of the data</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Surroundings shown around each polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As the model was taught</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Twice as much</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Four times as much</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model (a built-in name or a folder)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons at a time</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The raster cannot be opened; choose a raster layer or file.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bands and “as displayed” exclude each other; empty the bands or untick it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The bands are “{text}”; give one number (grey) or three (red, green, blue), as 4,3,2.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The bands are “{text}”, but {name} has bands 1 to {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>“{device}” is no device; use auto, cpu, cuda or cuda:0.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The polygon layer cannot be opened; choose another one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is no polygon layer; choose one, or buffer its features first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No polygon of {name} is selected; select some or untick “Selected features only”.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The algorithm was not prepared; run it through Processing.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancelled.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} texts were too long for their field and are cut short.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The map cannot be written ({reason}); choose another file.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The map cannot be written ({reason}); is the disk full?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Maps cannot be written as {suffix} files; choose a .tif file.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Reference polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} has {count} polygons, but one reference is needed; select it and tick “Selected features only”.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Region embeddings</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>embedding,vector,features,mask token,clustering,similarity,raster,AI,machine learning</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Writes the vector that the model has of each polygon, for clustering, search or a classifier.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Writes the model's vector of each polygon: its mask token, which is made of the picture's features inside the polygon and is what the model reads when it describes it. Polygons that look alike have vectors that point the same way. It holds neither the surroundings nor the polygon's shape and place.

The vectors go into number fields (&lt;b&gt;prefix&lt;/b&gt; and a number: e0, e1, …), into a &lt;b&gt;table&lt;/b&gt; (CSV with the feature's id, its status and the vector), or into both; an empty prefix makes no fields.

With &lt;b&gt;length 1&lt;/b&gt; the sum of products of two vectors is their cosine similarity. Vectors of different models cannot be compared.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons with vectors</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Scale vectors to length 1</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Prefix of the fields (empty: no fields)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Table of vectors</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>CSV files (*.csv)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>This model does not say how long its vectors are; empty the prefix and write a table.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The table cannot be written ({reason}); choose another file.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Similarity to a region</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>similarity,cosine,search,find similar,embedding,heat map,raster,AI,explain,features</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Maps how alike every place of a raster is to one reference polygon.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Compares the model's vector of a &lt;b&gt;reference polygon&lt;/b&gt; (exactly one; select it and tick “Selected features only”) with every place of the raster. The cosine similarity is 1 for what looks the same to the model, 0 for what has nothing in common, and may be negative.

The vector of a polygon is a linear map of the mean of the picture's features inside it. Here the same map is applied to each single cell: four pixels of the picture the model sees, at the scale at which it sees the reference. The result is what the mask-aware extractor looks at, in the blocks it sees it in; coarse features are repeated, not smoothed. Features reach beyond their cell, so edges are soft.

A small reference in a large raster makes a large map, as its scale is fine; an &lt;b&gt;extent&lt;/b&gt; limits it. A cancelled run keeps the part that is done. Similarity is no probability: look at the map before choosing a threshold.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Extent of the map</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Similarity map</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Tiles looked at</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{tiles} tiles make a map of {width} × {height} cells.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons {status}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Area in square metres</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Further fields</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} sent no picture of this place; check the connection, and that the service covers the polygon.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} could not be read ({reason}); check the connection and the layer's source, then run again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>its provider gives no reason</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a raster layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is no raster layer; choose one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} has no pixels; choose another raster layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} holds complex numbers; convert it to amplitudes first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} holds numbers that this version of QGIS cannot read; convert it to 32 bits first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Descriptions</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} cannot be edited now; results are not written.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe {polygons}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{layer} does not take the new field {name}; choose an existing one.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The polygons of {name} have other numbers or shapes now than when they were described.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons that the layer's filter hides, or that are gone: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Results that {name} has no place for: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons no longer in the layer: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Texts too long for their field, cut after a word: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Numbers too large for their field, which is left empty: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>New fields have other names than you chose: {names}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons written: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Gone: {ids}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Hidden or gone: {ids}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cut: {ids}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Too large: {ids}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{format} keeps {count} letters of a field's name.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} could not be saved; it stays open for editing, with the results in it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancelled before any polygon was described.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There was no polygon to describe.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Descriptions are ready</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looked at: {polygons} of “{name}”. Save the texts to the layer now?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Or leave the layer open for editing: you look first, then save or undo. Aquila does the same after later runs; Settings → Options → Aquila changes it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Save now</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Leave open for editing</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{error} Done before that: {counts}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancelled. Done before that: {counts}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Done: {counts}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name}, described</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{reason} What was written about {polygons} can be added as a new layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add as layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} cannot be opened; mend its data source in the layer's properties.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{reason} Copy the text instead.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The memory is full; choose a smaller batch size or model in the options, and run again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The run failed unexpectedly: {reason}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 tile</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} tiles</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>about {time}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{done} of 1 polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{done} of {total} polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{progress}, about {time} left</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} s</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} min</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} h</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>GPU</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>automatic device</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>described</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>described in part (partly outside the raster)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>outside the raster</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>without valid pixels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>with an invalid geometry</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>failed</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{polygons} in {time}, model {model}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>AquilaOptionsPage</name>
    <message>
      <source>Found by itself</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The usual place</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Models</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Default model</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Running</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>D&amp;evice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Precision</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polygons at a &amp;time</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;After a run</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>auto, cpu, cuda, or cuda:1 for the second GPU</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>More are faster and take more memory</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>PyTorch</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Set up…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Python environment that &amp;has it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Folder to &amp;install it into</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Prompts of your own</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{model} (not usable now)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ready: {versions}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Automatic: a GPU if there is one</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>CPU</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>GPU (CUDA)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Automatic: 32 bits on a CPU, 16 on a GPU</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>32 bits</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>16 bits (bfloat16)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>16 bits (float16)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ask whether to save the layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Save the layer at once</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Leave the layer open for editing</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>AskPanel</name>
    <message>
      <source>Ask</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Questions to start with, and the history</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Clear the history</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How do &lt;region1&gt; and &lt;region2&gt; differ?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Are &lt;region1&gt; and &lt;region2&gt; of the same kind?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How can &lt;region1&gt; be told from &lt;region2&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Which is larger, &lt;region1&gt; or &lt;region2&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What is &lt;region&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What surrounds &lt;region&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What colour and texture has &lt;region&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Which kinds of land cover are in &lt;region&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Is there water in &lt;region&gt;?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Put {name} into the question: {feature}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a raster layer in Aquila's panel.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a polygon layer in Aquila's panel.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Select one polygon or a few to ask about them.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{count} polygons are selected; select at most {most} to ask about them together.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{polygons} of “{layer}” over “{raster}”</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{polygons} of “{layer}”</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancelled.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>DescribeOne</name>
    <message>
      <source>Choose a raster layer in Aquila's panel first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Set up…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The task was cancelled.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep as a layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Store in “{field}”</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stored in “{field}”.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Drawn polygons</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Kept in the layer “{layer}”.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>DescriptionBubble</name>
    <message>
      <source>Close (Esc)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Copy</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>Exchange</name>
    <message>
      <source>Select the polygons of this question again</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Copy the answer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Write the answer to the polygons it is about</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Store answer in field…</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>ExistingPage</name>
    <message>
      <source>Environment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Use this environment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Do not use it any more</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the root of a virtual or conda environment, or its site-packages folder. It must be for the Python version of QGIS. Nothing in it is changed.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>This environment has everything.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>InstallPage</name>
    <message>
      <source>Folder for the packages</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Folder of wheels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>only without a network: a folder with .whl files</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>optional: an index with CPU or CUDA builds of PyTorch</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The wheels in the folder are installed; nothing is downloaded.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>About {download} to fetch, {needed} of disk while installing; {free} are free.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Install</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Repair</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Install into</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Other package index</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>PyTorch and its companions go into a folder of their own; QGIS and its Python stay as they are.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>ModelList</name>
    <message>
      <source>checking …</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Checking a model folder</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Size</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Needs</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Licence</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add folder…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A model folder holds config.json, model.safetensors and tokenizer.json</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove from list</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model card</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>not stated</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} (built in)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>cannot be used</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The check was interrupted; remove the folder and add it again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{parameters} million parameters; looks at pictures of {size} × {size} pixels.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A model folder</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>PreviewPanel</name>
    <message>
      <source>Previous selected polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Next selected polygon</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Outline</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Dim the surroundings</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Reading the picture…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What the model sees</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a raster layer in Aquila's panel.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a polygon layer in Aquila's panel.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Select a polygon to see it as the model does.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The picture was not read: the task was cancelled.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{side} × {side} pixels, {width} wide</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A part of the polygon lies outside the raster.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The polygon lies outside the raster.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The raster has no data under the polygon.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The polygon's geometry is empty or invalid; repair it first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{at} of {count}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Not described yet.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>PromptTable</name>
    <message>
      <source>Prompt {number}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Describe the condition of &lt;region&gt;.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Two prompts are called “{name}”; give one another name.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>“{name}”: {problem}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Prompt</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Up</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Down</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Write &lt;region&gt; where the polygon belongs; {area} becomes its square metres, {gsd} the metres of a pixel. Aquila's panel offers these prompts too.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>RecipePage</name>
    <message>
      <source>Copy</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>SetupDialog</name>
    <message>
      <source>Set up Aquila</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>QGIS's Python was not found; use an existing environment instead.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove the packages in {folder}?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Removed.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop the installation?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Try again</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The disk may be too full: about {size} more should be free. Install all the same?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>QGIS's own Python</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The model can run: PyTorch {version}, in {place}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Install</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Use an existing environment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Without a network</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>StoreDialog</name>
    <message>
      <source>Store answer in field</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The answer is written to {polygons} of “{layer}”, in one step that can be undone.</source>
      <translation type="unfinished" />
    </message>
  </context>
</TS>
