/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of triage: stacks read from reports, JSON, scripts in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "array_size.h"
#include "base/signature.h"
#include "run/crash_stack.h"
#include "findings/json.h"
#include "findings/describe.h"
#include "oracle/oracle.h"

/* ---- stacks ---- */

static const char asan[] =
	"=================================================================\n"
	"==4711==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc "
	"0x55d0c0ffee00 bp 0x7ffd00000000 sp 0x7ffcfffffff8\n"
	"WRITE of size 20 at 0x602000000014 thread T0\n"
	"    #0 0x55d0c0ffee00 in __asan_memcpy (/x/build/asan/anvil+0x1234)\n"
	"    #1 0x55d0c0ffee01 in parse_get_id /x/devices/virtio_blk.c:107:2\n"
	"    #2 0x55d0c0ffee02 in serve_one /x/devices/virtio_blk.c:301:15\n"
	"    #3 0x55d0c0ffee03 in machine_write /x/harness/machine.c:9:1\n"
	"    #4 0x55d0c0ffee08 in player_play /x/harness/player.c:226:7\n"
	"    #5 0x55d0c0ffee09 in child /x/harness/runner.c:139:4\n"
	"    #6 0x7f0000000000 in __libc_start_main libc.c:1\n"
	"\n"
	"0x602000000014 is located 0 bytes to the right of 20-byte region [0x602000000000,"
	"0x602000000014)\n"
	"allocated by thread T0 here:\n"
	"    #0 0x55d0c0ffee04 in malloc (/x/build/asan/anvil+0x1234)\n"
	"    #1 0x55d0c0ffee05 in init_slots /x/devices/virtio_blk.c:490:3\n"
	"\n"
	"SUMMARY: AddressSanitizer: heap-buffer-overflow /x/devices/virtio_blk.c:107:2 in "
	"parse_get_id\n"
	"Shadow bytes around the buggy address:\n"
	"  0x0c047fff7fb0: 00 00\n"
	"==4711==ABORTING\n";

static void a_stack_is_read(void **state)
{
	struct crash_stack s;

	(void)state;
	assert_true(crash_stack_read(asan, &s));
	assert_string_equal(s.error, "heap-buffer-overflow");
	assert_string_equal(s.access, "WRITE of size 20");
	assert_int_equal(s.frames, 4);
	assert_string_equal(s.frame[0].function, "parse_get_id");
	assert_string_equal(s.frame[0].file, "devices/virtio_blk.c");
	assert_int_equal(s.frame[0].line, 107);
	assert_true(s.frame[0].device);
	assert_string_equal(s.frame[2].function, "machine_write");
	assert_false(s.frame[2].device);
	assert_ptr_equal(crash_stack_place(&s), &s.frame[0]);
}

static void the_place_is_in_the_device_if_it_can_be(void **state)
{
	static const char text[] = "==1==ERROR: AddressSanitizer: SEGV on unknown address\n"
				   "    #0 0x1 in machine_store /x/harness/machine.c:120:3\n"
				   "    #1 0x2 in answer /x/devices/virtio_blk.c:240:9\n";
	struct crash_stack s;

	(void)state;
	assert_true(crash_stack_read(text, &s));
	assert_string_equal(s.error, "SEGV");
	assert_string_equal(crash_stack_place(&s)->function, "answer");
}

static void undefined_behaviour_has_a_stack(void **state)
{
	static const char text[] =
		"/x/devices/virtio_net.c:12:3: runtime error: shift exponent 64 is too large\n"
		"    #0 0x1 in fill /x/devices/virtio_net.c:12:3\n"
		"SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior\n";
	struct crash_stack s;

	(void)state;
	assert_true(crash_stack_read(text, &s));
	assert_string_equal(s.error, "undefined-behavior");
	assert_string_equal(s.frame[0].function, "fill");
}

static void an_assertion_is_a_stack_of_one(void **state)
{
	static const char text[] =
		"anvil: devices/virtqueue.c:88: unsigned int anvil_virtqueue_pop(struct "
		"virtqueue *): Assertion `vq->ready' failed.\n";
	struct crash_stack s;

	(void)state;
	assert_true(crash_stack_read(text, &s));
	assert_string_equal(s.error, "assertion");
	assert_int_equal(s.frames, 1);
	assert_string_equal(s.frame[0].function, "anvil_virtqueue_pop");
	assert_int_equal(s.frame[0].line, 88);
}

static void what_is_no_report_has_no_stack(void **state)
{
	static const char *const text[] = {
		NULL,
		"",
		"\n\n",
		"anvil: cannot",
		"#0 0x1 in f /x/devices/a.c:1:1\n",
		"==1==ERROR: AddressSanitizer: SEGV\n    #0 0x1 (/x/anvil+0x1)\n",
	};
	struct crash_stack s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		assert_false(crash_stack_read(text[i], &s));
}

static void a_clean_report_is_the_same_each_time(void **state)
{
	char *text = crash_report_clean(asan);

	(void)state;
	assert_non_null(text);
	assert_non_null(strstr(text, "==ERROR: AddressSanitizer: heap-buffer-overflow on address "
				     "0x... at pc 0x... bp"));
	assert_non_null(strstr(text, "    #1 0x... in parse_get_id devices/virtio_blk.c:107:2\n"));
	assert_null(strstr(text, "4711"));
	assert_null(strstr(text, "c0ffee"));
	assert_null(strstr(text, "Shadow"));
	assert_null(strstr(text, "/x/"));
	assert_null(strstr(text, "6020"));
	free(text);
}

/* ---- checkouts ---- */

#define PLAIN	  "/plain"
#define SPACED	  "/home/a b/in x (1), caf\xc3\xa9's [y]/devices/tests/made in harness/co:1"
#define CHECKOUTS 2

/* The same report of one compiler from two checkouts; "\1" stands for where it lies. */
static char *report_from(const char *text, const char *checkout)
{
	char *report = NULL;
	size_t len;
	FILE *f = open_memstream(&report, &len);

	for (; *text; text++) {
		if (*text == '\1')
			fputs(checkout, f);
		else
			fputc(*text, f);
	}
	fclose(f);
	return report;
}

static const struct {
	const char *text;
	const char *function; /* of the innermost frame; NULL: none of ours */
	const char *file;
	struct crash_summary summary;
} reports[] = {
	{ /* clang 14 */
	  "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x603000000054\n"
	  "    #0 0x5594de82f77b in __asan_memset (\1/build/asan/anvil+0xa377b) (BuildId: 92edfd)\n"
	  "    #1 0x5594de86b0c6 in poke \1/devices/virtio_blk.c:5:61\n"
	  "    #2 0x5594de86af12 in play_all \1/harness/player.c:7:60\n"
	  "    #3 0x7f3fd866b249 in __libc_start_call_main csu/../sysdeps/nptl/x.h:58:16\n"
	  "    #4 0x5594de7ad300 in _start (\1/build/asan/anvil+0x21300) (BuildId: 92edfd)\n\n"
	  "0x1 is located 4 bytes after global variable 'x' defined in '\1/devices/a.c:4:5' (0x2)\n"
	  "SUMMARY: AddressSanitizer: heap-buffer-overflow (\1/build/asan/anvil+0xa377b) (BuildId: "
	  "92edfd) in __asan_memset\n",
	  "poke",
	  "devices/virtio_blk.c",
	  { "heap-buffer-overflow", "", "__asan_memset" } },
	{ /* clang 19 */
	  "==7==ERROR: AddressSanitizer: SEGV on unknown address 0x000000000008 (pc "
	  "0x55b851da0052)\n"
	  "==7==The signal is caused by a WRITE memory access.\n"
	  "    #0 0x55b851da0052 in operator new(unsigned long) (\1/build/asan/anvil+0x21) "
	  "(BuildId: 1)\n"
	  "    #1 0x55b851da0052 in take_one \1/build/planted/devices/virtio_blk_request.c:84:47\n"
	  "    #2 0x55b851da0053  (\1/build/asan/anvil+0x21300) (BuildId: 92edfd)\n"
	  "==7==Register values:\n"
	  "rax = 0x0000000000000000  rbx = 0x00007ffe703429b0\n"
	  "SUMMARY: AddressSanitizer: SEGV \1/build/planted/devices/virtio_blk_request.c:84:47 in "
	  "take_one\n",
	  "take_one",
	  "devices/virtio_blk_request.c",
	  { "SEGV", "devices/virtio_blk_request.c:84:47", "take_one" } },
	{ /* UndefinedBehaviorSanitizer of clang */
	  "\1/devices/virtio_net.c:6:58: runtime error: index 7 out of bounds for type 'int[4]'\n"
	  "    #0 0x562576d200ff in fill \1/devices/virtio_net.c:6:58\n\n"
	  "SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior \1/devices/virtio_net.c:6:58 in "
	  "\n",
	  "fill",
	  "devices/virtio_net.c",
	  { "undefined-behavior", "devices/virtio_net.c:6:58", "" } },
	{ /* gcc: no columns, a library's sources */
	  "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x603000000054 at pc "
	  "0x7fa624\n"
	  "    #0 0x7fa624a47680 in __interceptor_memset "
	  "../../../../src/libsanitizer/common.inc:799\n"
	  "    #1 0x5563330c3269 in poke \1/devices/virtio_blk.c:5\n"
	  "    #2 0x5563330c3160 in _start (\1/build/asan/anvil+0x2160)\n\n"
	  "SUMMARY: AddressSanitizer: heap-buffer-overflow "
	  "../../../../src/libsanitizer/common.inc:799 "
	  "in __interceptor_memset\n",
	  "poke",
	  "devices/virtio_blk.c",
	  { "heap-buffer-overflow", "../../../../src/libsanitizer/common.inc:799",
	    "__interceptor_memset" } },
	{ /* a tapped device: its memcmp is the tap's, which calls a sanitizer's */
	  "==7==ERROR: AddressSanitizer: global-buffer-overflow on address 0x603000000054\n"
	  "    #0 0x42 in MemcmpInterceptorCommon(void*, int (*)(void const*, void const*, "
	  "unsigned long)) (\1/build/asan/anvil+0xa3)\n"
	  "    #1 0x5594de86b0c6 in __tap_memcmp \1/harness/tap/tap_libc.c:31:9\n"
	  "    #2 0x5594de86af12 in compare \1/tests/foreign/net.c:7:60\n\n"
	  "SUMMARY: AddressSanitizer: global-buffer-overflow (\1/build/asan/anvil+0xa3) in "
	  "MemcmpInterceptorCommon(void*, int (*)(void const*, void const*, unsigned long))\n",
	  "compare",
	  "tests/foreign/net.c",
	  { "global-buffer-overflow", "",
	    "MemcmpInterceptorCommon(void*, int (*)(void const*, void const*, unsigned long))" } },
	{ /* names of C++, by clang */
	  "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x603000000054\n"
	  "    #0 0x42 in operator new(unsigned long) (\1/build/asan/anvil+0xa3) (BuildId: 1)\n"
	  "    #1 0x43 in (anonymous namespace)::disk<4ul, std::allocator<int> "
	  ">::operator/(unsigned "
	  "int, char const*) const \1/devices/disk.cc:7:60\n"
	  "    #2 0x44 in main \1/harness/x.c:7:6\n\n"
	  "SUMMARY: AddressSanitizer: heap-buffer-overflow \1/devices/disk.cc:7:60 in (anonymous "
	  "namespace)::disk<4ul, std::allocator<int> >::operator/(unsigned int, char const*) "
	  "const\n",
	  "(anonymous namespace)::disk<4ul, std::allocator<int> >::operator/(unsigned int, char "
	  "const*) const",
	  "devices/disk.cc",
	  { "heap-buffer-overflow", "devices/disk.cc:7:60",
	    "(anonymous namespace)::disk<4ul, std::allocator<int> >::operator/(unsigned int, char "
	    "const*) const" } },
	{ /* by gcc, and where a path is relative */
	  "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x603000000054 at pc 0x7f\n"
	  "    #0 0x42 in operator delete(void*) "
	  "../../../../src/libsanitizer/asan_new_delete.cpp:152\n"
	  "    #1 0x43 in unsigned long ns::f<int, (ns::kind)2>(int const&, unsigned long) "
	  "devices/disk.cc:7\n"
	  "    #2 0x44 in poke devices/virtio_blk.c:5\n"
	  "SUMMARY: AddressSanitizer: heap-use-after-free devices/disk.cc:7 in unsigned long "
	  "ns::f<int, (ns::kind)2>(int const&, unsigned long)\n",
	  "unsigned long ns::f<int, (ns::kind)2>(int const&, unsigned long)",
	  "devices/disk.cc",
	  { "heap-use-after-free", "devices/disk.cc:7",
	    "unsigned long ns::f<int, (ns::kind)2>(int const&, unsigned long)" } },
	{ "anvil: \1/devices/disk.cc:88: virtual std::pair<int, b> *ns::disk<int>::at(const "
	  "std::vector<int> &, int) const [T = int]: Assertion `a::b[x](1)' failed.\n",
	  "ns::disk<int>::at",
	  "devices/disk.cc",
	  { "", "", "" } },
	{ "anvil: \1/devices/disk.cc:88: int {anonymous}::at(int) [with T = int]: Assertion `x' "
	  "failed.\n",
	  "{anonymous}::at",
	  "devices/disk.cc",
	  { "", "", "" } },
	{ /* MemorySanitizer, and a program that is called like one of our folders */
	  "==7==WARNING: MemorySanitizer: use-of-uninitialized-value\n"
	  "    #0 0x1 in serve (\1/build/msan/anvil+0x21)\n"
	  "SUMMARY: MemorySanitizer: use-of-uninitialized-value (\1/build/msan/anvil+0x21) in "
	  "serve\n",
	  NULL,
	  NULL,
	  { "use-of-uninitialized-value", "", "serve" } },
	{ "anvil: \1/devices/virtqueue.c:88: int anvil_virtqueue_pop(struct g *): Assertion "
	  "`vq->x' "
	  "failed.\n",
	  "anvil_virtqueue_pop",
	  "devices/virtqueue.c",
	  { "", "", "" } },
};

static void assert_read(size_t i, const char *report)
{
	struct crash_summary summary;
	struct crash_stack s;
	char function[CRASH_FUNCTION_BYTES];

	assert_int_equal(crash_stack_read(report, &s), reports[i].function != NULL);
	if (reports[i].function) {
		assert_string_equal(s.frame[0].function, reports[i].function);
		assert_string_equal(s.frame[0].file, reports[i].file);
	}
	assert_int_equal(crash_summary_read(report, &summary), reports[i].summary.error[0] != 0);
	assert_memory_equal(&summary, &reports[i].summary, sizeof(summary));
	crash_function(report, &summary, function, sizeof(function));
	if (summary.function[0])
		assert_string_equal(function,
				    reports[i].function ? reports[i].function : summary.function);
}

static void a_report_does_not_tell_where_the_checkout_is(void **state)
{
	static const char *const checkout[CHECKOUTS] = { PLAIN, SPACED };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		char *text[CHECKOUTS];

		for (size_t k = 0; k < CHECKOUTS; k++) {
			char *report = report_from(reports[i].text, checkout[k]);

			assert_read(i, report);
			text[k] = crash_report_clean(report);
			assert_null(strstr(text[k], checkout[k]));
			free(report);
		}
		assert_string_equal(text[0], text[1]);
		free(text[0]);
		free(text[1]);
	}
}

/* ---- JSON ---- */

static void json_is_escaped_and_separated(void **state)
{
	char text[512] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct json j;

	(void)state;
	json_begin(&j, f);
	json_open_object(&j, NULL);
	json_text(&j, "a", "\"\\\n\t\x01 \xc3\xa4 \xff");
	json_open_array(&j, "b");
	json_number(&j, NULL, UINT64_MAX);
	json_bool(&j, NULL, true);
	json_close_array(&j);
	json_open_array(&j, "c");
	json_close_array(&j);
	json_close_object(&j);
	json_end(&j);
	fclose(f);
	assert_string_equal(text, "{\n  \"a\": \"\\\"\\\\\\n\\t\\u0001 \xc3\xa4 \\ufffd\",\n"
				  "  \"b\": [\n    18446744073709551615,\n    true\n  ],\n"
				  "  \"c\": []\n}\n");
}

/* ---- words ---- */

static void assert_told(const char *script_text, const char *words)
{
	struct script script;
	char error[128];
	char text[4096] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	assert_int_equal(script_parse(script_text, &script, error, sizeof(error)), 0);
	describe_script(&script, NULL, (int)script.ops, f);
	fclose(f);
	assert_string_equal(text, words);
}

static void scripts_are_told_in_words(void **state)
{
	(void)state;
	assert_told("device echo\n", "On the harness's echo device, the guest does nothing.");
	assert_told("device blk capacity=1 flags=5\ninit\nblk type=1 sector=3\ncomplete result=1\n"
		    "reset\n",
		    "On a block device of 0 sectors, read-only, whose requests complete only when "
		    "told to, the guest negotiates, sets up the queues and says DRIVER_OK (init); "
		    "then asks to write 1 sector at sector 3 (blk); then at the host, 1 request "
		    "failed by the disk (complete); then the guest resets the device (reset).");
	assert_told("device net\ninit wrong=4\nrx count=2 wrong=3\nwrite offset=0x50 value=1\n",
		    "On a network device, the guest negotiates, sets up the queues and says "
		    "DRIVER_OK, without any queue (init); then offers 3 receive buffers of 1600 "
		    "bytes, but its last descriptor leads back to the first (rx); then writes 0x1 "
		    "(4 bytes) to offset 0x50, QueueNotify (write).");
}

/* Whatever the operands are, there are words for them. */
static void every_operation_has_words(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < OP_CODES * 256u; i++) {
		uint64_t more = i * 0x9e3779b97f4a7c15;
		uint8_t bytes[2 * SCRIPT_OP_BYTES] = { 0 };
		uint8_t *op = bytes + SCRIPT_OP_BYTES;
		char text[2048] = "";
		FILE *f = fmemopen(text, sizeof(text), "w");
		struct script s;

		op[0] = (uint8_t)(i / 256);
		memset(op + 1, (int)i, 7);
		memcpy(op + 8, &i, sizeof(i));
		memcpy(op + 16, &more, sizeof(more));
		script_decode(bytes, sizeof(bytes), &s);
		describe_op(&s.op[0], f);
		fclose(f);
		assert_true(strlen(text) > 5 && strlen(text) < 500);
		assert_null(strstr(text, "(null)"));
	}
	for (unsigned int rule = 1; rule <= ORACLE_RULES; rule++)
		assert_non_null(oracle_rule(rule)->specification);
	assert_null(oracle_rule(0));
	assert_null(oracle_rule(ORACLE_RULES + 1));
}

/* A file of the checkout, which tests run in. */
static void read_text(const char *path, char *text, size_t room)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, room - 1, f);
	assert_true(n < room - 1);
	text[n] = 0;
	fclose(f);
}

/* The rules have one text: the README of the oracle's folder quotes the table. */
static void rules_are_those_of_the_readme(void **state)
{
	static char readme[1 << 16];
	char wanted[512];

	(void)state;
	read_text("harness/oracle/README.md", readme, sizeof(readme));
	for (unsigned int i = 1; oracle_rule(i); i++) {
		const struct oracle_rule *r = oracle_rule(i);

		snprintf(wanted, sizeof(wanted), "\n    %u %s\n      %s\n      %s\n", i, r->name,
			 r->broken, r->specification);
		if (!strstr(readme, wanted))
			fail_msg("harness/oracle/README.md does not say:%s", wanted);
	}
	snprintf(wanted, sizeof(wanted), "\n    %u ", ORACLE_RULES + 1);
	assert_null(strstr(readme, wanted));
}

static void a_report_has_one_signature(void **state)
{
	static const struct {
		const char *report;
		const char *signature;
	} example[] = {
		{ "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60\n"
		  "READ of size 4 at 0x60 thread T0\n",
		  "address:heap-buffer-overflow read" },
		{ "==7==ERROR: AddressSanitizer: attempting double-free on 0x60 in thread T0:\n",
		  "address:double-free" },
		{ "mine.c:7:3: runtime error: index 12 out of bounds for type 'int[4]'\n",
		  "undefined:index # out of bounds for type 'int[#]'" },
		{ "==7==WARNING: MemorySanitizer: use-of-uninitialized-value\n    #0 0x55\n",
		  "memory:use-of-uninitialized-value" },
		{ "anvil: never written: guest RAM at 0x80001000\n"
		  "==7==WARNING: MemorySanitizer: use-of-uninitialized-value\n",
		  "memory:never written: guest RAM at #" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(example); i++) {
		char text[200] = "";

		signature_of_report(example[i].report, text, sizeof(text));
		assert_string_equal(text, example[i].signature);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_has_one_signature),
		cmocka_unit_test(a_stack_is_read),
		cmocka_unit_test(the_place_is_in_the_device_if_it_can_be),
		cmocka_unit_test(undefined_behaviour_has_a_stack),
		cmocka_unit_test(an_assertion_is_a_stack_of_one),
		cmocka_unit_test(what_is_no_report_has_no_stack),
		cmocka_unit_test(a_clean_report_is_the_same_each_time),
		cmocka_unit_test(a_report_does_not_tell_where_the_checkout_is),
		cmocka_unit_test(json_is_escaped_and_separated),
		cmocka_unit_test(scripts_are_told_in_words),
		cmocka_unit_test(every_operation_has_words),
		cmocka_unit_test(rules_are_those_of_the_readme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
