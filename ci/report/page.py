# SPDX-License-Identifier: BSD-3-Clause
"""The report's page, from what ci/report/make read. A function that returns Markup has escaped what it
was given as text, and left out what XML does not take; only the plots and the style come as they are."""
import itertools
import math
import os
import re
import urllib.parse

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;"})
ENGINES = {"libfuzzer": "libFuzzer", "afl": "AFL++"}
TOPICS = {"blk": "Block device", "zones": "Zoned disks", "net": "Network device", "ring": "Rings",
          "rule": "Rules refused", "transport": "Transport", "reset": "Resets", "packed": "Packed rings",
          "state": "Saved state", "legacy": "Legacy"}
INPUTS_SHOWN = 20  # of a group


class Markup(str):
    """Text that is escaped already."""


def text(value):
    if isinstance(value, Markup):
        return value
    return re.sub("[\0-\x08\x0b-\x1f\x7f\ufffe-\U0010ffff]", "\ufffd", str(value)).translate(ESCAPES)


def markup(template, *values):
    return Markup(template % tuple(map(text, values)))


def join(parts):
    return Markup("".join(parts))


# ---- numbers for people ----

def whole(number):
    return math.floor(number + 0.5)


def grouped(number):
    return f"{whole(number):,}"


def tenths(number):
    return "%d.%d" % divmod(whole(number * 10), 10)


def hundredths(number):
    """Never more than there is: 99.996 is not 100."""
    return "%d.%02d" % divmod(math.floor(number * 100 + 1e-6), 100)


def short(number):
    """Nor 1000.0k."""
    if number < 10000:
        return grouped(number)
    per, unit = (1e3, "k") if number < 1e6 else (1e6, " M") if number < 1e9 else (1e9, " G")
    return tenths(math.floor(number / per * 10 + 1e-6) / 10) + unit


def percent(got, everything):
    return "-" if everything == 0 else f"{hundredths(100 * got / everything)} %"


def duration(seconds):
    if seconds < 10:
        return f"{tenths(seconds)} s"
    seconds = whole(seconds)
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def count(number, one, many):
    return f"{grouped(number)} {one if number == 1 else many}"


def when(time):
    return re.sub(r"T([0-9]+:[0-9]+):[0-9]+Z$", r" \1", time)


def engine(name):
    return ENGINES.get(name, name)


def short_target(name):
    return name.removeprefix("fuzz_")


def shell(word):
    """A word as a shell takes it."""
    return word if re.fullmatch(r"[A-Za-z0-9_./,:=@%+-]+", word) else "'" + word.replace("'", r"'\''") + "'"


def link(path):
    return urllib.parse.quote(path, safe="/!*'()")


def unique(things):
    return list(dict.fromkeys(things))


# ---- pieces ----

def element(name, kind, value):
    return markup(f"<{name} class='%s'>%s</{name}>", kind, value)


def cell(value):
    return element("td", "n", value)


def word_cell(value):
    return element("td", "nowrap", value)


def faint_zero(number):
    return element("td", "n zero", "0") if number == 0 else cell(grouped(number))


def found_cell(number):
    return faint_zero(number) if number == 0 else element("td", "n bad", grouped(number))


def link_to(path, words):
    return markup("<a href='%s'>%s</a>", link(path), words)


def row(*cells):
    return Markup("<tr>" + join(cells) + "</tr>\n")


def row_head(words):
    return markup("<th scope='row'>%s</th>", words)


def row_name(words, below):
    return markup("<th scope='row'><span class='name'>%s</span><br /><small>%s</small></th>", words, below)


def column(name):
    """Columns of numbers have a # before their name."""
    return markup("<th scope='col' class='%s'>%s</th>", "n" if name.startswith("#") else "", name.removeprefix("#"))


def table(name, columns, rows, foot=""):
    """It scrolls in a box of its own; on a phone a wide one says so."""
    hint = f"{len(columns)} columns: scroll the table sideways."
    return Markup((element("p", "hint", hint) if len(columns) > 4 else "") +
                  markup("<div class='box' role='region' tabindex='0' aria-label='%s'><table>", name) +
                  f"<thead>{row(*map(column, columns))}</thead><tbody>\n{join(rows)}</tbody>" +
                  (f"<tfoot>{foot}</tfoot>" if foot else "") + "</table></div>\n")


def section(name, title, note, *parts):
    return Markup(markup("<section id='%s'><h2>%s</h2>\n", name, title) +
                  (markup("<p class='note'>%s</p>\n", note) if note else "") + join(parts) + "</section>\n")


def details(title, *parts):
    return Markup(markup("<details><summary>%s</summary>\n", title) + join(parts) + "</details>\n")


# ---- the summary ----

def figure(name, value, kind, note):
    return markup("<div><dt>%s</dt><dd class='%s'>%s<span class='note'>%s</span></dd></div>\n", name, kind, value, note)


def whose(data):
    """The device of somebody else by its name, or ours."""
    return data.device or "devices/"


def figures(data):
    files = [file for file in data.files if file["file"] != "total"]
    got, everything = sum(file["branches"] for file in files), sum(file["all_branches"] for file in files)
    reached = len({m["text"] for target in data.milestones for m in target["milestones"] if m["reached"]})
    wanted = max((len(target["milestones"]) for target in data.milestones), default=0)
    groups = len((data.triage or {}).get("groups") or [])
    inputs = sum(record.executed for record in data.newest)
    seconds = sum(record.seconds for record in data.newest)
    yield "<dl class='figures'>\n"
    yield figure("Inputs", short(inputs), "", f"in {duration(seconds)} of fuzzing")
    if groups:
        yield figure("Findings", count(groups, "group", "groups"), "bad",
                     f"{count(data.triage['findings'], 'input', 'inputs')} left by campaigns")
    else:
        yield figure("Findings", "none", "good", "left by campaigns")
    yield figure("Branches", percent(got, everything), "", f"{got} of {everything} of {whose(data)}")
    if data.milestones:
        yield figure("Milestones", f"{reached} of {wanted}", "good" if reached == wanted else "bad",
                     "that inputs must reach")
    yield "</dl>\n"


def record_row(record):
    remark = "" if record.state == "done" else f" {record.state or '?'}"
    return row(row_name(record.target, engine(record.engine) + remark), cell(grouped(record.speed)),
               cell(grouped(record.edges)), cell(grouped(record.kept)), found_cell(record.found),
               cell(short(record.executed)), cell(duration(record.seconds)), cell(when(record.started)))


def campaign_row(records):
    return row(cell(records[0].number), word_cell(when(records[0].started)),
               word_cell(", ".join(sorted({engine(record.engine) for record in records}))),
               word_cell(", ".join(short_target(record.target) for record in records)),
               cell(duration(sum(record.seconds for record in records))),
               cell(short(sum(record.executed for record in records))),
               found_cell(sum(record.found for record in records)))


def summary(campaigns, newest):
    by_number = [list(records) for _, records in itertools.groupby(campaigns, lambda record: record.number)]
    return section(
        "summary", "Last campaigns", "The newest of each target and engine. Edges are counted by the engine, "
        "each in its own way; times are UTC.",
        table("Last campaigns", ["Target", "#Inputs/s", "#Edges", "#Corpus", "#Findings", "#Inputs", "#Ran", "#Began"],
              map(record_row, newest)),
        details(f"{count(len(by_number), 'campaign', 'campaigns')} on record",
                table("Campaigns on record", ["#Number", "Began", "Engine", "Targets", "#Ran", "#Inputs", "#Findings"],
                      map(campaign_row, reversed(by_number)))))


# ---- findings ----

def group_part(group, play, folder):
    inputs, here = group["inputs"], f"triage/{group['name']}/"
    links = ", ".join(link_to(here + name, name) for name in ("summary.txt", "report.txt", "input"))
    return join([
        "<article>", element("h3", "name", group["name"]), "\n<p>", element("strong", "bad", group["verdict"]), " in ",
        element("span", "name", group["target"]),
        markup(", by %s, smallest with %s", count(len(inputs), "input", "inputs"),
               count(group["operations"], "operation", "operations")),
        "; not each time" if group.get("unstable") else "", "</p>\n",
        markup("<p>%s</p>\n", group["summary"]),
        markup("<pre>%s</pre>\n", " ".join(map(shell, [*play, f"{folder}/{here}input"]))),
        f"<p>{links}</p>\n",
        details("Script and inputs", markup("<pre>%s</pre>\n<ul>", group["script"]),
                *(element("li", "name", name) for name in inputs[:INPUTS_SHOWN]),
                *([element("li", "", f"and {len(inputs) - INPUTS_SHOWN} more")] if len(inputs) > INPUTS_SHOWN else []),
                "</ul>"),
        "</article>\n"])


def findings(triage, play, folder, place):
    if triage is None:
        return section("findings", "Findings", "", markup("<p>None: no input is in %s.</p>", place))
    inputs, groups = count(triage.get("inputs") or 0, "input", "inputs"), triage["groups"]
    if not groups:
        return section("findings", "Findings", "", markup(
            "<p>None: of the %s in %s, no one is a finding now.</p>", inputs, place))
    return section("findings", "Findings",
                   f"Of the {inputs} in {place}, {count(triage['findings'], 'is a finding', 'are findings')}"
                   f", in {count(len(groups), 'group', 'groups')}.",
                   *(group_part(group, play, folder) for group in groups))


# ---- over time ----

def plot(name, what, target, said, svg):
    return Markup(markup("<figure><figcaption>%s</figcaption>\n", what) +
                  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 440 230' role='img'" +
                  markup(" aria-labelledby='%s-title %s-desc'><title id='%s-title'>%s: %s</title><desc id='%s-desc'>%s</desc>",
                         name, name, name, target, what, name, "; ".join(said)) + svg + "</svg></figure>\n")


def legend(record):
    return markup("<li><span class='key %s'></span>%s: %s edges, %s inputs/s</li>", record.engine,
                  engine(record.engine), grouped(record.edges), grouped(record.speed))


def target_plots(number, records, svg):
    target = records[0].target
    return join([
        "<div class='target'>", element("h3", "name", target), "\n<ul class='legend'>", *map(legend, records),
        "</ul>\n<div class='pair'>",
        plot(f"coverage-{number}", "Coverage (edges)", target,
             [f"{engine(record.engine)} from {record.rows[0][3]} to {record.edges} edges in {duration(record.seconds)}"
              for record in records], svg[f"{number}-coverage"]),
        plot(f"speed-{number}", "Speed (inputs/s)", target,
             [f"{engine(record.engine)} {grouped(record.speed)} inputs/s over {duration(record.seconds)}"
              for record in records], svg[f"{number}-speed"]),
        "</div></div>\n"])


def by_target(newest):
    return [list(records) for _, records in itertools.groupby(newest, lambda record: record.target)]


def plots(newest, svg):
    return section("course", "Over time", "From the end of the seeds on, in the newest campaign of each engine.",
                   *(target_plots(number, records, svg) for number, records in enumerate(by_target(newest))))


# ---- coverage ----

def file_cells(file):
    got, everything = file["branches"], file["all_branches"]
    full = 0 if everything == 0 else 100 * got // everything
    return markup("<td class='wide'>%s <small>%s of %s</small><span class='bar'><i style='width:%s%%'></i></span></td>%s",
                  percent(got, everything), got, everything, full, cell(percent(file["lines"], file["all_lines"])))


def file_row(file, folder):
    name = file["file"].removeprefix(folder)
    return row("<th scope='row' class='file name'>", link_to(file["page"], name) if file["page"] else text(name), "</th>",
               file_cells(file))


def common_folder(paths):
    prefix = os.path.commonprefix(paths)
    return prefix[:prefix.rfind("/") + 1]


def coverage(files, of, played):
    folder = common_folder([file["file"] for file in files if file["file"] != "total"])
    note = Markup("By the seeds and what the campaigns kept, played anew. Each name leads to the source with counts; "
                  f"files without a branch are among {link_to('coverage/index.html', 'all files')}.")
    return section("coverage", f"Branch coverage of {of}", note, *(
        [] if played else [element("p", "bad", "The target ended before it had played all of these inputs: what only the "
                                   "others reach is not counted. make fuzz tells what ends it.")]), table(
        "Branch coverage", ["File", "Branches", "#Lines"],
        [file_row(file, folder) for file in files if file["file"] != "total" and file["all_branches"] > 0],
        join(row(row_head("all"), file_cells(file)) for file in files if file["file"] == "total")))


# ---- milestones ----

def topic(name):
    """"blk" of "blk: a read succeeds"."""
    return name.split(": ")[0]


def topic_name(name):
    return TOPICS.get(name, name)


def reached(target):
    return [m["text"] for m in target["milestones"] if m["reached"]]


def topic_row(name, targets, full):
    about = [[words for words in reached(target) if topic(words) == name] for target in targets]
    got, wanted = len(set(sum(about, []))), sum(topic(words) == name for words in full)
    return row(row_head(topic_name(name)), *(faint_zero(len(words)) for words in about),
               element("td", "n good" if got == wanted else "n bad", f"{got} of {wanted}"))


def milestone_item(words, targets):
    by = [short_target(target["target"]) for target in targets if words in reached(target)]
    how = markup("<small>%s</small>", ", ".join(by)) if by else element("strong", "bad", "not reached")
    return markup("<li>%s %s</li>\n", ": ".join(words.split(": ")[1:]), how)


def milestones(targets):
    full = [m["text"] for m in max(reversed(targets), key=lambda target: len(target["milestones"]))["milestones"]]
    got = {words for target in targets for words in reached(target)}
    missed = [words for words in full if words not in got]
    topics = unique(map(topic, full))
    return section(
        "milestones", "Milestones",
        "What inputs must reach, seen from outside the devices, by target: the seeds and what the campaigns kept.",
        *(element("p", "bad", f"{target['target']}: playing its inputs did not end well; anvil play says which one.")
          for target in targets if target["died"]),
        table("Milestones", ["About", *("#" + short_target(target["target"]) for target in targets), "#All"],
              [topic_row(name, targets, full) for name in topics]),
        *(["<ul>", *(element("li", "bad", f"not reached: {words}") for words in missed), "</ul>\n"] if missed else []),
        details("Each milestone, and the targets that reach it",
                *(markup("<h3>%s</h3><ul>\n%s</ul>", topic_name(name), join(
                    milestone_item(words, targets) for words in full if topic(words) == name)) for name in topics)))


# ---- bugs ----

def bug_row(bug):
    return row(row_name(bug["bug"], bug["target"]), word_cell(engine(bug["engine"])),
               element("td", "n bad" if bug["found"] == 0 else "n", f"{bug['found']} of {bug['runs']}"),
               cell("-" if bug["seconds"] is None else duration(bug["seconds"])))


def bugs(benchmark):
    if not benchmark:
        return ""
    return section("bugs", "Bug benchmark",
                   "Known bugs planted again: in how many runs each was found, and the median time until then.",
                   table("Bug benchmark", ["Bug", "Engine", "#Found", "#Median"], map(bug_row, benchmark)))


# ---- the page ----

def place(name, words):
    return markup("<a href='#%s'>%s</a>\n", name, words)


def page(data):
    title = f"{data.device or 'virtio-anvil'}: campaigns"
    by = "by virtio-anvil" if data.device else "devices of"
    yield ("<!DOCTYPE html>\n<html xmlns='http://www.w3.org/1999/xhtml' lang='en'>\n<head>\n<meta charset='utf-8' />\n"
           "<meta name='viewport' content='width=device-width, initial-scale=1' />\n"
           "<meta name='color-scheme' content='light dark' />\n<meta http-equiv='Content-Security-Policy' "
           "content=\"default-src 'none'; style-src 'unsafe-inline'\" />\n"
           "<title>")
    yield text(title)
    yield "</title>\n<style>\n"
    yield data.style
    yield "</style>\n</head>\n<body>\n<header>"
    yield markup("<h1>%s</h1>\n", title)
    yield element("p", "note", data.made + (f", {by} {data.revision}" if data.revision else ""))
    yield "</header>\n<nav aria-label='Parts'>"
    for name, words in [("summary", "Summary"), ("findings", "Findings"), ("course", "Over time"),
                        ("coverage", "Coverage"), *([("milestones", "Milestones")] if data.milestones else []),
                        *([("bugs", "Bugs")] if data.bugs else [])]:
        yield place(name, words)
    yield "</nav>\n<main>\n"
    yield from figures(data)
    yield summary(data.campaigns, data.newest)
    yield findings(data.triage, data.play, data.folder, data.findings)
    yield plots(data.newest, data.svg)
    yield coverage(data.files, whose(data), data.played)
    yield milestones(data.milestones) if data.milestones else ""
    yield bugs(data.bugs)
    yield "</main>\n</body>\n</html>\n"
