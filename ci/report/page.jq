# SPDX-License-Identifier: BSD-3-Clause
# The report's page, from what ci/report/make read. All of that goes through @html, which escapes what
# is put into its text, and is free of what XML does not take; only the plots and the style are put in
# as they are. In jq a parameter $x is also a function x: no parameter has the name of a function.

def plain:
	if type == "string" then explode |
		map(if (. < 32 and . != 10 and . != 9) or . == 127 or . > 65533 then 65533 else . end) | implode
	elif type == "array" or type == "object" then map_values(plain)
	else . end;

# ---- numbers for people ----

# 1234567 as 1,234,567
def grouped:
	round | tostring | explode | . as $c | length as $n |
	[range($n) | if . > 0 and ($n - .) % 3 == 0 then 44, $c[.] else $c[.] end] | implode;

def tenths: . * 10 | round | "\(. / 10 | floor).\(. % 10)";
# Never more than there is: 99.996 is not 100
def hundredths: . * 100 + 1e-6 | floor | "\(. / 100 | floor).\(. % 100 + 100 | tostring[1:])";

# Nor 1000.0k
def cut: . * 10 + 1e-6 | floor / 10 | tenths;
def short:
	if . < 10000 then grouped
	elif . < 1000000 then "\(. / 1000 | cut)k"
	elif . < 1000000000 then "\(. / 1000000 | cut) M"
	else "\(. / 1000000000 | cut) G" end;

def percent($got; $all): if $all == 0 then "-" else "\(100 * $got / $all | hundredths) %" end;

def duration:
	if . < 10 then "\(tenths) s" else round | if . < 120 then "\(.) s"
	elif . < 7200 then "\(. / 60 | floor) min \(. % 60) s"
	else "\(. / 3600 | floor) h \(. % 3600 / 60 | floor) min" end end;

def count($one; $many): "\(grouped) \(if . == 1 then $one else $many end)";

def when: sub("T(?<t>[0-9]+:[0-9]+):[0-9]+Z$"; " \(.t)");

def engine: { libfuzzer: "libFuzzer", afl: "AFL++" }[.] // .;
def short_target: ltrimstr("fuzz_");

# A word as a shell takes it
def shell: if test("^[A-Za-z0-9_./,:=@%+-]+$") then . else @sh end;

# A path as a link: each part encoded
def link: split("/") | map(@uri) | join("/");

# ---- what a record says ----

def seconds: .rows[-1][0];
def executed: .rows[-1][1];
def speed: if seconds > 0 then executed / seconds else 0 end;
def edges: .rows[-1][3];
def kept: .rows[-1][4];
def found: .rows[-1][5];

# ---- pieces; what they are given is text, but for $markup ----

def element($name; $class; $text): @html "<\($name) class='\($class)'>\($text)</\($name)>";
def cell($text): element("td"; "n"; $text);
def word_cell($text): element("td"; "nowrap"; $text);
def bad_if($bad; $text): element("td"; if $bad then "n bad" else "n" end; $text);
def good_if($good; $text): element("td"; if $good then "n good" else "n bad" end; $text);
def faint_zero: if . == 0 then element("td"; "n zero"; "0") else cell(grouped) end;
def found_cell: if . == 0 then faint_zero else bad_if(true; grouped) end;
def item($class; $text): element("li"; $class; $text);
def link_to($path; $text): @html "<a href='\($path | link)'>\($text)</a>";
def row($markup): "<tr>" + $markup + "</tr>\n";
def row_head($text): @html "<th scope='row'>\($text)</th>";
def row_name($text; $below):
	@html "<th scope='row'><span class='name'>\($text)</span><br /><small>\($below)</small></th>";

# Columns of numbers have a # before their name
def column: (if startswith("#") then "n" else "" end) as $class | ltrimstr("#") |
	@html "<th scope='col' class='\($class)'>\(.)</th>";

# A table scrolls in a box of its own; on a phone a wide one says so
def table($name; $columns; $rows; $foot):
	($columns | length) as $wide |
	(if $wide > 4 then element("p"; "hint"; "\($wide) columns: scroll the table sideways.")
	else "" end) +
	@html "<div class='box' role='region' tabindex='0' aria-label='\($name)'><table>" +
	"<thead>" + row($columns | map(column) | add) + "</thead>" +
	"<tbody>\n" + ($rows | add // "") + "</tbody>" +
	(if $foot == "" then "" else "<tfoot>" + $foot + "</tfoot>" end) + "</table></div>\n";

def section($id; $title; $note; $markup):
	@html "<section id='\($id)'><h2>\($title)</h2>\n" +
	(if $note == "" then "" else "<p class='note'>\($note)</p>\n" end) + $markup + "</section>\n";

def details($title; $markup):
	@html "<details><summary>\($title)</summary>\n" + $markup + "</details>\n";

# ---- the summary ----

def figure($name; $value; $class; $note):
	@html "<div><dt>\($name)</dt><dd class='\($class)'>\($value)" +
	@html "<span class='note'>\($note)</span></dd></div>\n";

def figures($newest; $files; $milestones; $triage):
	($newest | map(executed) | add) as $inputs |
	($newest | map(seconds) | add) as $seconds |
	($files | map(.branches) | add // 0) as $got |
	($files | map(.all_branches) | add // 0) as $all |
	($milestones | map(.milestones[] | select(.reached).text) | unique | length) as $reached |
	($milestones | map(.milestones | length) | max // 0) as $wanted |
	($triage.groups // [] | length) as $groups |
	"<dl class='figures'>\n" +
	figure("Inputs"; $inputs | short; ""; "in \($seconds | duration) of fuzzing") +
	if $groups == 0 then figure("Findings"; "none"; "good"; "left by campaigns")
	else figure("Findings"; $groups | count("group"; "groups"); "bad";
		"\($triage.findings | count("input"; "inputs")) left by campaigns") end +
	figure("Branches"; percent($got; $all); ""; "\($got) of \($all) of devices/") +
	figure("Milestones"; "\($reached) of \($wanted)";
		if $reached == $wanted then "good" else "bad" end; "that inputs must reach") +
	"</dl>\n";

def record_row:
	(if .state == "done" then "" else " " + (.state // "?") end) as $remark |
	row(row_name(.target; (.engine | engine) + $remark) + cell(speed | grouped) +
		cell(edges | grouped) + cell(kept | grouped) + (found | found_cell) +
		cell(executed | short) + cell(seconds | duration) + cell(.started // "" | when));

def campaign_row:
	row(cell(.[0].number) + word_cell(.[0].started // "" | when) +
		word_cell(map(.engine | engine) | unique | join(", ")) +
		word_cell(map(.target | short_target) | join(", ")) +
		cell(map(seconds) | add | duration) + cell(map(executed) | add | short) +
		(map(found) | add | found_cell));

def summary($campaigns; $newest):
	($campaigns | group_by(.number) | reverse) as $all |
	section("summary"; "Last campaigns";
		"The newest of each target and engine. Edges are counted by the engine, each in its own " +
		"way; times are UTC.";
		table("Last campaigns"; ["Target", "#Inputs/s", "#Edges", "#Corpus", "#Findings",
			"#Inputs", "#Ran", "#Began"]; $newest | map(record_row); "") +
		details("\($all | length | count("campaign"; "campaigns")) on record";
			table("Campaigns on record"; ["#Number", "Began", "Engine", "Targets", "#Ran",
				"#Inputs", "#Findings"]; $all | map(campaign_row); "")));

# ---- findings ----

def group_links: "triage/\(.name)/" as $folder |
	["summary.txt", "report.txt", "input"] | map(link_to($folder + .; .)) | join(", ");

def group_part($anvil; $folder):
	"<article>" + element("h3"; "name"; .name) + "\n<p>" +
	element("strong"; "bad"; .verdict) + " in " + element("span"; "name"; .target) +
	@html ", by \(.inputs | length | count("input"; "inputs")), smallest with " +
	@html "\(.operations | count("operation"; "operations"))" +
	(if .unstable then "; not each time" else "" end) + "</p>\n" +
	@html "<p>\(.summary)</p>\n" +
	@html "<pre>\($anvil | shell) play \("\($folder)/triage/\(.name)/input" | shell)</pre>\n" +
	"<p>" + group_links + "</p>\n" +
	details("Script and inputs"; @html "<pre>\(.script)</pre>\n<ul>" +
		(.inputs[:20] | map(item("name"; .)) | add) +
		((.inputs | length) - 20 | if . > 0 then item(""; "and \(.) more") else "" end) +
		"</ul>") + "</article>\n";

def findings($triage; $anvil; $folder; $from):
	($triage.inputs // 0 | count("input"; "inputs")) as $inputs |
	if $triage == null then section("findings"; "Findings"; "";
		@html "<p>None: no input is in \($from).</p>")
	elif $triage.groups == [] then section("findings"; "Findings"; "";
		@html "<p>None: of the \($inputs) in \($from), no one is a finding with the devices as they are.</p>")
	else section("findings"; "Findings";
		@html "Of the \($inputs) in \($from), \($triage.findings | count("is a finding"; "are findings"))" +
		", in \($triage.groups | length | count("group"; "groups")).";
		$triage.groups | map(group_part($anvil; $folder)) | add) end;

# ---- over time ----

def plot($id; $what; $target; $said; $svg):
	@html "<figure><figcaption>\($what)</figcaption>\n" +
	"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 440 230' role='img'" +
	@html " aria-labelledby='\($id)-title \($id)-desc'>" +
	@html "<title id='\($id)-title'>\($target): \($what)</title>" +
	@html "<desc id='\($id)-desc'>\($said | join("; "))</desc>" + $svg + "</svg></figure>\n";

def legend:
	@html "<li><span class='key \(.engine)'></span>\(.engine | engine): " +
	@html "\(edges | grouped) edges, \(speed | grouped) inputs/s</li>";

def target_plots($number; $svg): .[0].target as $target |
	"<div class='target'>" + element("h3"; "name"; $target) + "\n" +
	"<ul class='legend'>" + (map(legend) | add) + "</ul>\n<div class='pair'>" +
	plot("coverage-\($number)"; "Coverage (edges)"; $target;
		map("\(.engine | engine) from \(.rows[0][3]) to \(edges) edges in \(seconds | duration)");
		$svg["\($number)-coverage"]) +
	plot("speed-\($number)"; "Speed (inputs/s)"; $target;
		map("\(.engine | engine) \(speed | grouped) inputs/s over \(seconds | duration)");
		$svg["\($number)-speed"]) + "</div></div>\n";

def plots($newest; $svg): ($newest | group_by(.target)) as $targets |
	section("course"; "Over time";
		"From the end of the seeds on, in the newest campaign of each engine.";
		[range($targets | length) | . as $i | $targets[$i] | target_plots($i; $svg)] | add);

# ---- coverage ----

def file_cells:
	(if .all_branches == 0 then 0 else 100 * .branches / .all_branches | floor end) as $full |
	@html "<td class='wide'>\(percent(.branches; .all_branches)) " +
	@html "<small>\(.branches) of \(.all_branches)</small>" +
	@html "<span class='bar'><i style='width:\($full)%'></i></span></td>" +
	cell(percent(.lines; .all_lines));

def file_row: (.file | ltrimstr("devices/")) as $name |
	row("<th scope='row' class='name'>" +
		(if .page then link_to(.page; $name) else @html "\($name)" end) + "</th>" + file_cells);

def coverage($files):
	section("coverage"; "Branch coverage of devices/";
		"By the seeds and what the campaigns kept, played anew. Each name leads to the source with " +
		"counts; files without a branch are among " + link_to("coverage/index.html"; "all files") + ".";
		table("Branch coverage"; ["File", "Branches", "#Lines"];
			$files | map(select(.file != "total" and .all_branches > 0) | file_row);
			$files | map(select(.file == "total") | row(row_head("all") + file_cells)) | add // ""));

# ---- milestones ----

# "blk" of "blk: a read succeeds"
def topic: .text | split(": ")[0];
def topic_name: { blk: "Block device", zones: "Zoned disks", net: "Network device", ring: "Rings", rule: "Rules refused",
	transport: "Transport", reset: "Resets", packed: "Packed rings", state: "Saved state",
	legacy: "Legacy" }[.] // .;

def reached_of($about): map(select(topic == $about and .reached).text);

def topic_row($name; $all; $wanted):
	([$all[].milestones | reached_of($name)[]] | unique | length) as $got |
	row(row_head($name | topic_name) +
		($all | map(.milestones | reached_of($name) | length | faint_zero) | add) +
		good_if($got == $wanted; "\($got) of \($wanted)"));

def milestone_item($all): . as $text |
	($all | map(select(.milestones[] | .reached and .text == $text).target | short_target)) as $by |
	@html "<li>\($text | split(": ")[1:] | join(": ")) " +
	if $by == [] then element("strong"; "bad"; "not reached")
	else @html "<small>\($by | join(", "))</small>" end + "</li>\n";

def milestones($all):
	($all | map(.milestones) | max_by(length)) as $full |
	($full | map(.text) - [$all[].milestones[] | select(.reached).text]) as $missed |
	(reduce ($full[] | topic) as $t ([]; if index([$t]) then . else . + [$t] end)) as $topics |
	section("milestones"; "Milestones";
		"What inputs must reach, seen from outside the devices, by target: the seeds and what the " +
		"campaigns kept.";
		($all | map(select(.died).target | element("p"; "bad";
			"\(.): playing its inputs did not end well; anvil play says which one.")) | add // "") +
		table("Milestones"; ["About"] + ($all | map("#" + (.target | short_target))) + ["#All"];
			$topics | map(. as $t | topic_row($t; $all; $full | map(select(topic == $t)) | length));
			"") +
		if $missed == [] then "" else
			"<ul>" + ($missed | map(item("bad"; "not reached: " + .)) | add) + "</ul>\n" end +
		details("Each milestone, and the targets that reach it"; $topics | map(. as $t |
			@html "<h3>\($t | topic_name)</h3><ul>\n" +
			($full | map(select(topic == $t).text | milestone_item($all)) | add) + "</ul>") | add));

# ---- bugs ----

def bug_row:
	row(row_name(.bug; .target) + word_cell(.engine | engine) +
		bad_if(.found == 0; "\(.found) of \(.runs)") +
		cell(if .seconds then .seconds | duration else "-" end));

def bugs($bugs):
	if $bugs == [] then "" else section("bugs"; "Bug benchmark";
		"Known bugs planted again: in how many runs each was found, and the median time until then.";
		table("Bug benchmark"; ["Bug", "Engine", "#Found", "#Median"]; $bugs | map(bug_row); "")) end;

# ---- the page ----

def place($id; $text): @html "<a href='#\($id)'>\($text)</a>\n";

($campaigns[0] | plain) as $campaigns | ($newest[0] | plain) as $newest | $svg[0] as $svg |
($milestones[0] | plain) as $milestones | ($files[0] | plain) as $files |
($triage[0] | plain) as $triage | ($bugs[0] // [] | plain) as $bugs |
"<!DOCTYPE html>
<html xmlns='http://www.w3.org/1999/xhtml' lang='en'>
<head>
<meta charset='utf-8' />
<meta name='viewport' content='width=device-width, initial-scale=1' />
<meta name='color-scheme' content='light dark' />
<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\" />
<title>virtio-anvil: campaigns</title>
<style>
" + $style + "</style>
</head>
<body>
<header><h1>virtio-anvil: campaigns</h1>
" + element("p"; "note"; $made + if $revision == "" then "" else ", devices of " + $revision end) +
"</header>
<nav aria-label='Parts'>" + place("summary"; "Summary") + place("findings"; "Findings") +
place("course"; "Over time") + place("coverage"; "Coverage") +
place("milestones"; "Milestones") + if $bugs == [] then "" else place("bugs"; "Bugs") end +
"</nav>
<main>
" + figures($newest; $files | map(select(.file != "total")); $milestones; $triage) +
summary($campaigns; $newest) +
findings($triage; $anvil; $folder; $findings) +
plots($newest; $svg) +
coverage($files) +
milestones($milestones) +
bugs($bugs) + "</main>
</body>
</html>"
