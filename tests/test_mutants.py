# SPDX-License-Identifier: BSD-3-Clause
"""Which mistakes the rules of ci/mutants make, which of these are drawn, and what is said of those that nothing
noticed."""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
CI = Path(__file__).resolve().parent.parent / "ci"
sys.path[:0] = [str(CI / "mutants"), str(CI / "bugs")]
import build
import judges
import results
import rules
from script import Problem

loader = importlib.machinery.SourceFileLoader("mutants_run", str(CI / "mutants/run"))
mutants_run = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(mutants_run)


def source(*lines, path="devices/a.c"):
    return rules.Source(path, "static int f(int x)\n{\n" + "\n".join(lines) + "\n}\n")


class Rules(unittest.TestCase):
    def makes(self, rule, line, *expected):
        """Of this line by that rule these, and nothing else."""
        made = [mutant.text.splitlines()[2] for mutant in source(line).mutations() if mutant.rule == rule]
        self.assertEqual(made, list(expected))

    def test_dropped(self):
        self.makes("dropped", "if (a && b->c) g();", "if ( b->c) g();", "if (a ) g();")
        self.makes("dropped", "return f(a, b || !c) == 1;", "return f(a,  !c) == 1;", "return f(a, b ) == 1;")
        self.makes("dropped", "x = a || (b && c) ? d : e;", "x =  (b && c) ? d : e;", "x = a  ? d : e;",
                   "x = a || ( c) ? d : e;", "x = a || (b ) ? d : e;")
        self.makes("dropped", "return a && b && c;", "return  b && c;", "return a  && c;", "return a && b ;")

    def test_negated(self):
        self.makes("negated", "if (a && b) g();", "if (!(a && b)) g();")
        self.makes("negated", "while (a) g();", "while (!(a)) g();")
        self.makes("negated", "x = a == b ? c : d;", "x = !(a == b) ? c : d;")

    def test_bound(self):
        self.makes("bound", "if (a < b) g();", "if (a <= b) g();")
        self.makes("bound", "return a >= b << 1 && c->d > e;", "return a > b << 1 && c->d > e;",
                   "return a >= b << 1 && c->d >= e;")

    def test_left_out(self):
        self.makes("left_out", "a->b = c;", "{}")
        self.makes("left_out", "if (a) (void)g(b); else c++;", "if (a) {} else c++;", "if (a) (void)g(b); else {}")
        for line in ("int a = g();", "return g();", "(void)a;", "assert(a == g());", "goto out;", "struct a *b;",
                     "eventfd_t a;"):
            self.makes("left_out", line)

    def test_width(self):
        self.makes("width", "const uint64_t a = g(b, c);", "const uint64_t a = (uint32_t)(g(b, c));")
        self.makes("width", "x = (uint64_t)a * b + (uint32_t)c;", "x = (uint32_t)a * b + (uint32_t)c;",
                   "x = (uint64_t)a * b + (uint16_t)c;")
        for line in ("uint64_t a;", "uint64_t a = b, c = d;", "uint64_t *a = b;", "uint64_t a[] = { b };",
                     "return sizeof(uint64_t);"):
            self.makes("width", line)

    def test_swapped(self):
        self.makes("swapped", "a = b; c = a;", "c = a; a = b;")
        self.makes("swapped", "g(); h();", "h(); g();")
        # nothing comes of these
        for line in "a->b = 1; a->c = 2;", "int a = b; g();", "g(); return 1;", "if (a) g(); h();", "g(); { h(); }":
            self.makes("swapped", line)

    def test_order(self):
        self.makes("order", "pthread_mutex_lock(&a);", "{}")
        self.makes("order", "unlock(a);", "{}")
        self.makes("left_out", "unlock(a);")
        self.makes("order", "atomic_thread_fence(memory_order_seq_cst);", "{}",
                   "atomic_thread_fence(memory_order_relaxed);")
        self.makes("order", "a = __atomic_load_n(b, __ATOMIC_ACQUIRE);", "a = __atomic_load_n(b, __ATOMIC_RELAXED);")
        self.makes("order", "while (!atomic_load(&a->b)) g();",
                   "while (!atomic_load_explicit(&a->b, memory_order_relaxed)) g();")
        self.makes("order", "block(a);")

    def test_constant(self):
        self.makes("constant", "x = 0x10u;", "x = 17u;", "x = 15u;")
        self.makes("constant", "return a % 1ull;", "return a % 2ull;", "return a % 0ull;")
        self.makes("constant", "int a[2] = { g(0) };", "int a[2] = { g(1) };")
        self.makes("constant", "return a > B_BYTES;", "return a > (B_BYTES + 1);", "return a > (B_BYTES - 1);")
        for line in "struct a b = { 0 };", "char a[8];", "return A_FLAG;", 'g("1", \'2\');', "return a1;":
            self.makes("constant", line)


class Sources(unittest.TestCase):
    def test_what_stays_as_it_is(self):
        text = ("#define A(x) \\\n\tif (x < 1) g()\n/* if (a < 1) */\nstatic const struct s t[] = {\n\t{ 1, 2 },\n};\n"
                "struct u {\n\tint a[2];\n};\nint f(void) // x = 1;\n{\n\tg(\"a < 1;\"); /* a = 1; */\n\treturn b < c;\n}\n")
        self.assertEqual([mutant.place for mutant in rules.Source("devices/a.c", text).mutations()],
                         ["a.c:13:bound", "a.c:12:left_out"])

    def test_lines_keep_their_numbers(self):
        one = source("\tg(a,\n\t  b);", "\tif (a &&\n\t    b)\n\t\treturn 1;", "\tc =\n\t\td;", "\th();")
        made = one.mutations()
        self.assertEqual({mutant.text.count("\n") for mutant in made}, {one.text.count("\n")})
        self.assertIn(("swapped", 8), [(mutant.rule, mutant.line) for mutant in made])
        self.assertTrue(all(mutant.text.endswith("}\n") for mutant in made))

    def test_statements_of_all_kinds(self):
        made = source("for (i = 0; i < n; i++) { switch (a) { case 1: g(); break; default: h(); } }",
                      "do k(); while (a);", "again: l();", "if (a) m(); else if (b) n(); else { o(); }").mutations()
        self.assertEqual([mutant.diff().splitlines()[-1][:1] for mutant in made if mutant.rule == "left_out"], [" "] * 7)
        self.assertEqual(sum(mutant.rule == "negated" for mutant in made), 3)

    def test_names_last(self):
        one, = [mutant for mutant in source("g();").mutations()]
        self.assertRegex(one.name, r"^a\.c:3:left_out-[0-9a-f]{12}$")
        moved = rules.Source("devices/a.c", "int b;\n\n" + one.source.text).mutations()[0]
        self.assertEqual((moved.line, moved.hash), (5, one.hash))
        self.assertNotEqual(source("g(1);").mutations()[0].hash, one.hash)
        self.assertNotEqual(source("g();", path="devices/b.c").mutations()[0].hash, one.hash)

    def test_the_difference(self):
        self.assertEqual(source("g();").mutations()[0].diff().splitlines()[:2], ["--- a/devices/a.c", "+++ b/devices/a.c"])


class Folder(unittest.TestCase):
    """An empty tree."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        results.judges.cache_clear()
        self.addCleanup(results.judges.cache_clear)
        for name in "Makefile", "ci/flavour.mk", "devices/a.c":
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text("")


LINES = ["if (a && b < 2)", "\tg(a, 3);", "h = g(4, 5);"]


class Drawing(Folder):
    def drawn(self, seed, *refused, text=LINES):
        mutants = source(*text).mutations() + source("i = 9;", path="devices/b.c").mutations()
        draw = mutants_run.Draw(None)
        draw.look = lambda mutant: "same" if mutant.rule in refused else ""
        return [mutant.name for mutant in draw.draw(mutants_run.shuffled(mutants, seed), 5, 2)], draw.refused["same"]

    def test_the_same_seed_draws_the_same(self):
        self.assertEqual(self.drawn(7), self.drawn(7))
        self.assertNotEqual(self.drawn(7), self.drawn(8))
        self.assertEqual(len(set(self.drawn(7)[0])), 5)

    def test_what_is_none_is_drawn_again(self):
        every = {rule.__name__ for rule in rules.RULES}
        names, refused = self.drawn(7, *every - {"constant"})
        self.assertEqual((len(names), all(":constant-" in name for name in names)), (5, True))
        self.assertGreater(refused, 0)

    def test_a_change_leaves_others_where_they_are(self):
        mutants = source(*LINES).mutations()
        others = source("x = 1;", path="devices/b.c").mutations()
        both = [mutant for mutant in mutants_run.shuffled(mutants + others, 1) if mutant.source.path == "devices/a.c"]
        self.assertEqual(both, mutants_run.shuffled(mutants, 1))

    def test_answers_are_kept_until_something_changes(self):
        mutant, calls = source("g();").mutations()[0], []

        def answer():
            return results.Answers(mutant).get("tests", lambda: calls.append(1) or "seen")

        self.assertEqual([answer(), answer(), len(calls)], ["seen", "seen", 1])
        Path("tests").mkdir()
        for changed, calls_then in ("README.md", 1), ("test_a.c", 2):
            Path("tests", changed).write_text("new")
            results.judges.cache_clear()
            self.assertEqual([answer(), len(calls)], ["seen", calls_then])


class Reaching(unittest.TestCase):
    def test_targets_that_play_no_scripts(self):
        for path, *names in (("devices/disk_io_uring.c", "backend"), ("devices/disk_file.c", "backend", "files"),
                             ("devices/nic_slirp_guard.c", "backend"), ("devices/nic_pcap.c", "backend", "files"),
                             ("harness/kvm/host_words.c", "files"), ("harness/kvm/host_nic_parse.c", "files"),
                             ("harness/kvm/host_nic.c",), ("devices/virtqueue.c",)):
            self.assertEqual([target.name for target in judges.outside(path)], names)

    def test_their_seeds_are_there(self):
        for target in judges.OUTSIDE:
            self.assertTrue(any((CI.parent / target.seeds).iterdir()))

    def test_the_first_answer_counts(self):
        for answers, said in (([], None), ([None], None), ([None, ""], ""), (["", None], ""), (["", "a", "b"], "a")):
            self.assertEqual(judges.first(iter(answers)), said)


class Asking(unittest.TestCase):
    class judge:
        def __init__(self, name, says):
            self.name, self.says = name, says

        def key(self):
            return self.name

        def ask(self, _variant, _rule):
            return self.says

    def asked(self, everyone, *says):
        options = mutants_run.Options(*["--all"] * everyone)
        options.judges = [self.judge(name, what) for name, what in zip(["seeds", "tests", "fuzzing"], says)]
        self.addCleanup(setattr, results, "Answers", results.Answers)
        results.Answers = lambda mutant: type("None_kept", (), {"get": staticmethod(lambda name, ask: ask())})
        return mutants_run.ask(source("g();").mutations()[0], None, options)

    def test_the_first_that_notices_ends_it(self):
        self.assertEqual(self.asked(False, "", "x", "y"), {"seeds": "", "tests": "x"})
        self.assertEqual(self.asked(True, "", "x", "y"), {"seeds": "", "tests": "x", "fuzzing": "y"})
        self.assertEqual(self.asked(False, None, "", None), {"seeds": None, "tests": "", "fuzzing": None})

    def test_who_is_asked(self):
        for arguments, names in [((), "seeds tests fuzzing"), (("--all",), "seeds tests fuzzing"),
                                 (("--fuzzing-only",), "seeds fuzzing")]:
            self.assertEqual([judge.name for judge in mutants_run.Options(*arguments).judges], names.split())

    def test_targets(self):
        for path, names in [("devices/virtio_net_state.c", "fuzz_restore"), ("devices/virtio_net.c", "fuzz_net"),
                            ("devices/virtqueue_split.c", "fuzz_virtqueue fuzz_mmio fuzz_blk"), ("devices/disk_file.c", ""),
                            ("devices/zoned_disk_zones.c", "fuzz_blk"), ("harness/kvm/host_device.c", "")]:
            self.assertEqual(judges.targets(path), names.split())

    def test_tests_of_the_source_come_first(self):
        self.assertGreater(judges.likeness("build/asan/tests/test_virtio_net_hash", "devices/virtio_net_header.c"),
                           judges.likeness("build/asan/tests/test_virtio_blk_config", "devices/virtio_net_header.c"))

    def test_mistakes(self):
        for arguments, words in [(["--number"], "--number : give a number"), (["--seed", "0"], "--seed 0: give a number"),
                                 (["--quiet"], "--quiet: no such option; --help has them"),
                                 (["--all", "--fuzzing-only"], "--all and --fuzzing-only: give one of them")]:
            with self.assertRaises(Problem) as caught:
                mutants_run.Options(*arguments)
            self.assertEqual(str(caught.exception), words)
        with self.assertRaisesRegex(Problem, r"^devices/none\.c: no source that mutants are made of"):
            mutants_run.chosen(["devices/none.c"])


class Commands(unittest.TestCase):
    def test_what_make_would_run(self):
        line = "clang -g \"-ffile-prefix-map=$PWD=.\" -MMD -MP -c devices/a.c -o build/asan/obj/devices/a.o"
        new = build.replaced(line, ("-MMD", ""), ("devices/a.c", "new/a.c"), ("build/asan/obj/devices/a.o", "a.o"))
        self.assertEqual(new, "clang -g \"-ffile-prefix-map=$PWD=.\"  -MP -c new/a.c -o a.o")

    def test_what_a_source_is_part_of(self):
        commands = build.Commands.__new__(build.Commands)
        commands.lines = {"build/asan/obj/devices/a.o": "clang -c devices/a.c -o build/asan/obj/devices/a.o",
                          "build/asan/tests/test_a": "clang build/asan/obj/devices/a.o -o build/asan/tests/test_a",
                          "build/asan/tests/test_b": "clang build/asan/obj/devices/aa.o -o build/asan/tests/test_b"}
        self.assertEqual(commands.linked("devices/a.c"), ["build/asan/tests/test_a"])
        with self.assertRaisesRegex(Problem, "build/x: make mutant-judges does not make it"):
            commands["build/x"]


class Reports(Folder):
    def classified(self, *lines):
        Path("classified").write_text("# what a person said\n\n" + "".join(line + "\n" for line in lines))
        return results.Classified(Path("classified"))

    def report(self, *lines):
        """Of four mutants: seeds, tests and fuzzing noticed one each, and nothing the last one."""
        self.mutants = source(*LINES).mutations()[:4]
        answers = [{"seeds": "x"}, {"seeds": "", "tests": "x"}, {"seeds": "", "tests": "", "fuzzing": "x"},
                   {"seeds": None, "tests": "", "fuzzing": None}]
        return results.Report(list(zip(self.mutants, answers)), ["dropped", "negated", "bound"],
                              ["seeds", "tests", "fuzzing"], self.classified(*lines), Counter(error=2, same=1))

    def test_a_survivor_is_new_until_somebody_looks(self):
        report = self.report()
        self.assertEqual(report.new, self.mutants[3:])
        self.assertEqual(list(report.summary()), [
            "killed: 3 of 4 (75 %)",
            "killed by seeds or fuzzing alone: 2 of 4 (50 %); 1 that tests killed were not fuzzed, --all asks",
            "not fuzzed: 1 in files that no target reaches", "drawn again: 2 do not compile, 1 are the same code"])
        self.assertEqual(report.counts(), [4, 1, 1, 1, 1, 0])
        self.assertTrue(list(report.listed())[0].startswith("new        devices/a.c:"))

    def test_what_is_invisible_is_left_out(self):
        last = self.report() and self.mutants[3].hash
        report = self.report(f"{last} invisible the value is set again before it is read")
        self.assertEqual((report.new, report.counts()), ([], [4, 1, 1, 1, 1, 1]))
        self.assertEqual(next(report.summary()), "killed: 3 of 3 (100 %)")

    def test_a_hole_stays_one(self):
        last = self.report() and self.mutants[3].hash
        report = self.report(f"{last} hole no test has a full ring")
        self.assertEqual((report.new, next(report.summary())), ([], "killed: 3 of 4 (75 %)"))
        self.assertIn("no test has a full ring", list(report.listed())[0])

    def test_what_is_written(self):
        report = self.report()
        report.write()
        self.assertEqual([path.name for path in results.SURVIVORS.iterdir()], [f"{self.mutants[3].name}.diff"])
        said = results.REPORT.read_text()
        self.assertTrue(said.startswith("new  ") and said.count("+++ b/devices/a.c") == 1)
        for line in report.table():
            self.assertIn(line + "\n", said)

    def test_lines_that_say_nothing(self):
        for line in "0123456789ab", "0123456789ab maybe so", "0123 hole why", "0123456789ab hole ":
            with self.assertRaisesRegex(Problem, r"^classified:3: give a mutant's hash, invisible or hole, and a reason"):
                self.classified(line)
        with self.assertRaisesRegex(Problem, r"^classified:4: 0123456789ab is in line 3, too"):
            self.classified("0123456789ab hole why", "0123456789ab hole why")
        self.assertEqual(self.classified("0123456789ab hole why").stale({"1123456789ab"}),
                         ["classified:3: 0123456789ab: no such mutant any more"])


if __name__ == "__main__":
    unittest.main()
