/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The harness itself: scripts are total and stable, the mutator is tame, verdicts are the same
 * every time.
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
#include "base/work.h"
#include "script/mutator.h"
#include "play/player.h"
#include "run/runner.h"

static uint32_t seed_state = 1;

static uint32_t any(void)
{
	seed_state = seed_state * 1664525u + 1013904223u;
	return seed_state >> 8;
}

static size_t any_bytes(uint8_t *bytes, size_t room)
{
	size_t len = any() % (room + 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)any();
	return len;
}

static void every_byte_string_is_a_script(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint8_t bytes[2 * SCRIPT_BYTES_MAX];
		uint8_t again[SCRIPT_BYTES_MAX];
		struct script a;
		struct script b;
		size_t len = any_bytes(bytes, sizeof(bytes));

		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		script_decode(bytes, len, &a);
		assert_true(a.header.code < DEVICE_KINDS);
		assert_true(a.ops <= SCRIPT_OPS_MAX);
		script_decode(again, script_encode(&a, again, sizeof(again)), &b);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void zeroes_are_the_common_choice(void **state)
{
	struct script s;
	struct setup p;

	(void)state;
	script_decode(NULL, 0, &s);
	assert_int_equal(s.ops, 0);
	setup_from(&s.header, &p);
	assert_int_equal(p.kind, DEVICE_BLK);
	assert_int_equal(p.queue_size_max, 16);
	assert_int_equal(p.capacity, 64);
	assert_true(anvil_features_has(&p.offered, VIRTIO_F_EVENT_IDX));
}

static void dropping_an_operation_leaves_the_others(void **state)
{
	uint8_t bytes[SCRIPT_OP_BYTES * 6];
	struct script whole;
	struct script rest;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)any();
	script_decode(bytes, sizeof(bytes), &whole);
	memmove(bytes + 3 * SCRIPT_OP_BYTES, bytes + 4 * SCRIPT_OP_BYTES, 2 * SCRIPT_OP_BYTES);
	script_decode(bytes, sizeof(bytes) - SCRIPT_OP_BYTES, &rest);
	assert_int_equal(rest.ops, 4);
	assert_memory_equal(&rest.op[0], &whole.op[0], 2 * sizeof(rest.op[0]));
	assert_memory_equal(&rest.op[2], &whole.op[3], 2 * sizeof(rest.op[0]));
}

static void bad_text_is_named(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *error;
	} bad[] = {
		{ "", 1, "no \"device\" line" },
		{ "init\n", 1, "begins with \"device\"" },
		{ "device floppy\n", 1, "floppy" },
		{ "device\n", 1, "there is no device" },
		{ "device blk\n\nfly\n", 3, "fly" },
		{ "device blk\ninit speed=1\n", 2, "speed=1" },
		{ "device blk\ninit size\n", 2, "size" },
		{ "device blk\ninit size=x\n", 2, "not a number" },
		{ "device blk\ninit size=\n", 2, "not a number" },
		{ "device blk\ninit size=9\n", 2, "out of range" },
		{ "device blk\nkick queue=256\n", 2, "out of range" },
	};
	struct script s;
	char error[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(script_parse(bad[i].text, &s, error, sizeof(error)), bad[i].line);
		assert_non_null(strstr(error, bad[i].error));
	}
}

static void too_many_operations_are_named(void **state)
{
	char text[16 + 8 * (SCRIPT_OPS_MAX + 1)] = "device blk\n";
	struct script s;
	char error[128];

	(void)state;
	for (unsigned int i = 0; i < SCRIPT_OPS_MAX; i++)
		strcat(text, "reset\n");
	assert_int_equal(script_parse(text, &s, error, sizeof(error)), 0);
	strcat(text, "reset\n");
	assert_int_equal(script_parse(text, &s, error, sizeof(error)), SCRIPT_OPS_MAX + 2);
}

static const uint8_t some_ops[] = { OP_INIT, OP_BLK, OP_CHAIN, OP_RACE, OP_WRITE };
static const struct mutator_profile profile = { DEVICE_BLK, some_ops, sizeof(some_ops) };

static void assert_canonical(const uint8_t *bytes, size_t len)
{
	uint8_t again[SCRIPT_BYTES_MAX];
	struct script s;

	script_decode(bytes, len, &s);
	assert_int_equal(s.header.code, profile.kind);
	assert_int_equal(script_encode(&s, again, sizeof(again)), len);
	assert_memory_equal(bytes, again, len);
}

static void mutants_are_scripts_and_repeatable(void **state)
{
	uint8_t a[SCRIPT_BYTES_MAX] = { 0 };
	uint8_t b[SCRIPT_BYTES_MAX];
	size_t len = 0;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		size_t room = i % 100 ? sizeof(a) : 5 * SCRIPT_OP_BYTES;
		size_t again;

		memcpy(b, a, sizeof(b));
		again = mutator_mutate(&profile, b, len, room, i);
		len = mutator_mutate(&profile, a, len, room, i);
		assert_int_equal(len, again);
		assert_true(len <= room);
		assert_memory_equal(a, b, len);
		assert_canonical(a, len);
	}
}

static void crossings_are_scripts_and_repeatable(void **state)
{
	uint8_t a[SCRIPT_BYTES_MAX];
	uint8_t b[SCRIPT_BYTES_MAX];
	uint8_t x[SCRIPT_BYTES_MAX];
	uint8_t y[SCRIPT_BYTES_MAX];

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		size_t a_len = any_bytes(a, sizeof(a));
		size_t b_len = any_bytes(b, sizeof(b));
		size_t len = mutator_crossover(&profile, a, a_len, b, b_len, x, sizeof(x), i);

		assert_int_equal(len,
				 mutator_crossover(&profile, a, a_len, b, b_len, y, sizeof(y), i));
		assert_memory_equal(x, y, len);
		assert_canonical(x, len);
	}
}

/* ---- values that fit together ---- */

static bool selects_and_accesses(const struct script_op *a, const struct script_op *b)
{
	return a->code == OP_WRITE && a->write.offset == VIRTIO_MMIO_QUEUE_SEL &&
	       (b->code == OP_READ || b->code == OP_WRITE) &&
	       b->write.offset == VIRTIO_MMIO_QUEUE_READY;
}

static bool suspends_and_resumes(const struct script_op *a, const struct script_op *b)
{
	return a->code == OP_WRITE && b->code == OP_WRITE &&
	       a->write.offset == VIRTIO_MMIO_STATUS && b->write.offset == VIRTIO_MMIO_STATUS &&
	       (a->write.value ^ b->write.value) == VIRTIO_STATUS_SUSPEND;
}

static bool lets_a_tag_in(const struct script_op *a, const struct script_op *b)
{
	uint64_t tag = b->frame.value >> 16 & 0xffff;

	return a->code == OP_CTRL && a->ctrl.class == VIRTIO_NET_CTRL_VLAN &&
	       a->ctrl.command == 0 && b->code == OP_FRAME && b->frame.vlan &&
	       tag != a->ctrl.value && (tag & 0xfff) == a->ctrl.value;
}

static bool ends_in_headers(const struct script_op *a, const struct script_op *b)
{
	(void)b;
	return a->code == OP_FRAME && a->frame.len > 10 && a->frame.len < 62 && !a->frame.offload;
}

static bool comes_again(const struct script_op *a, const struct script_op *b)
{
	return a->code == OP_INIT && b->code == OP_INIT &&
	       __builtin_popcountll(a->init.decline ^ b->init.decline) == 1;
}

static bool races_by_one(const struct script_op *a, const struct script_op *b)
{
	(void)b;
	return a->code == OP_RACE && a->race.again >= RACE_MORE && a->race.base == BASE_DESC &&
	       a->race.at < 4 && a->race.field == 14;
}

static bool damages_a_field(const struct script_op *a, const struct script_op *b)
{
	(void)b;
	return a->code == OP_RESTORE && a->restore.how == DAMAGE_SEALED && a->restore.len == 2 &&
	       a->restore.at % 2 == 0 && a->restore.at < 2048 && a->restore.bytes == 0xffff;
}

static void mutants_have_values_that_fit(void **state)
{
	static const uint8_t ops[] = { OP_INIT, OP_WRITE, OP_READ, OP_TX,
				       OP_CTRL, OP_FRAME, OP_RACE, OP_RESTORE };
	static const struct mutator_profile all = { DEVICE_NET, ops, sizeof(ops) };
	bool (*const fits[])(const struct script_op *a, const struct script_op *b) = {
		selects_and_accesses, suspends_and_resumes, lets_a_tag_in,   ends_in_headers,
		comes_again,	      races_by_one,	    damages_a_field,
	};
	/* more than chance makes: 0, 0, 0, 80, 524, 0, 0 */
	const unsigned int least[ARRAY_SIZE(fits)] = { 15, 100, 100, 92, 600, 5, 3 };
	unsigned int found[ARRAY_SIZE(fits)] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t bytes[SCRIPT_BYTES_MAX] = { 0 };
		struct script s;

		script_decode(bytes, mutator_mutate(&all, bytes, 0, sizeof(bytes), i), &s);
		for (unsigned int k = 0; k + 1 < s.ops; k++) {
			for (size_t n = 0; n < ARRAY_SIZE(fits); n++)
				found[n] += fits[n](&s.op[k], &s.op[k + 1]);
		}
	}
	for (size_t n = 0; n < ARRAY_SIZE(fits); n++)
		assert_in_range(found[n], least[n], 20000);
}

static struct machine machine;

/* State that leaks from one script into the next would change a verdict. */
static void verdicts_do_not_depend_on_what_came_before(void **state)
{
	enum { SCRIPTS = 600 };
	struct script *script = calloc(SCRIPTS, sizeof(*script));
	struct verdict *first = calloc(SCRIPTS, sizeof(*first));
	struct bus bus;
	struct verdict v;

	(void)state;
	assert_non_null(script);
	assert_non_null(first);
	machine_create(&machine);
	bus_model_init(&bus, &machine);
	for (unsigned int i = 0; i < SCRIPTS; i++) {
		uint8_t bytes[SCRIPT_BYTES_MAX];
		size_t len = 0;

		for (unsigned int k = 0; k < 10 + i % 30; k++)
			len = mutator_mutate(&profile, bytes, len, sizeof(bytes), i * 64 + k);
		script_decode(bytes, len, &script[i]);
		player_play(&bus, &script[i], NULL, &first[i]);
		assert_int_not_equal(first[i].kind, VERDICT_VIOLATION);
	}
	for (unsigned int i = SCRIPTS; i > 0; i--) {
		player_play(&bus, &script[i - 1], NULL, &v);
		assert_memory_equal(&v, &first[i - 1], sizeof(v));
	}
	free(script);
	free(first);
}

/* ---- a device that allocates ---- */

static void (*write_of)(struct device_under_test *dut, uint64_t offset, unsigned int width,
			uint64_t value);

static void allocate_and_write(struct device_under_test *dut, uint64_t offset, unsigned int width,
			       uint64_t value)
{
	void *volatile piece = malloc(100);

	free(piece);
	write_of(dut, offset, width, value);
}

/* Sanitizers count allocations. */
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
	void (*malloc_hook)(const volatile void *at, size_t bytes),
	void (*free_hook)(const volatile void *at));

/* What is said of a device that is as ours, and writes so. `m` is left in the middle. */
static struct verdict play_script_with(struct machine *m, const struct script *s,
				       void (*write)(struct device_under_test *dut, uint64_t offset,
						     unsigned int width, uint64_t value))
{
	struct verdict v;
	struct bus bus;

	machine_create(m);
	bus_model_init(&bus, m);
	player_play(&bus, s, NULL, &v);
	assert_int_equal(v.kind, VERDICT_OK);
	write_of = m->dut->write;
	m->dut->write = write;
	player_play(&bus, s, NULL, &v);
	work_watch(NULL, NULL);
	return v;
}

static struct verdict play_with(struct machine *m,
				void (*write)(struct device_under_test *dut, uint64_t offset,
					      unsigned int width, uint64_t value))
{
	struct script nothing;

	script_decode(NULL, 0, &nothing);
	return play_script_with(m, &nothing, write);
}

static void what_a_guest_makes_a_device_allocate_is_a_finding(void **state)
{
	static struct machine m;
	struct verdict v = play_with(&m, allocate_and_write);

	(void)state;
	if (__sanitizer_install_malloc_and_free_hooks) {
		assert_int_equal(v.kind, VERDICT_VIOLATION);
		assert_int_equal(v.rule, 10);
	}
}

/* ---- a device that computes ---- */

/* Code that counts its steps calls it at each. */
void __wrap___sanitizer_cov_trace_pc(void);

static void compute_for_ever(struct device_under_test *dut, uint64_t offset, unsigned int width,
			     uint64_t value)
{
	(void)dut, (void)offset, (void)width, (void)value;
	for (;;)
		__wrap___sanitizer_cov_trace_pc();
}

static void what_a_guest_makes_a_device_compute_is_a_finding(void **state)
{
	static struct machine m;
	struct verdict v = play_with(&m, compute_for_ever);

	(void)state;
	assert_int_equal(v.kind, VERDICT_VIOLATION);
	assert_int_equal(v.rule, 10);
	assert_non_null(strstr(v.reason, "computes more than 8192 steps"));
}

/* In the place of memset in code whose copies are counted. */
void *work_memset(void *to, int byte, size_t len);

static void clear_and_write(struct device_under_test *dut, uint64_t offset, unsigned int width,
			    uint64_t value)
{
	static uint8_t table[4096];

	for (unsigned int i = 0; i < 64; i++)
		work_memset(table, 0, sizeof(table));
	write_of(dut, offset, width, value);
}

static void what_a_guest_makes_a_device_copy_is_a_finding(void **state)
{
	static struct machine m;
	struct verdict v = play_with(&m, clear_and_write);

	(void)state;
	assert_int_equal(v.kind, VERDICT_VIOLATION);
	assert_int_equal(v.rule, 10);
	assert_non_null(strstr(v.reason, "bytes in one call, more than 16384, for"));
}

/* ---- zones that read the disk below twice ---- */

static struct machine *zoned;
static const struct anvil_disk_ops *below;

static void submit_twice(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct anvil_disk_request again = *request;

	below->submit(disk, request);
	if (again.op == ANVIL_DISK_READ) {
		*request = again;
		below->submit(disk, request);
	}
}

static const struct anvil_disk_ops twice = { .submit = submit_twice };

static void write_above_zones(struct device_under_test *dut, uint64_t offset, unsigned int width,
			      uint64_t value)
{
	struct anvil_disk *memory = &zoned->own.disk.memory;

	if (memory->ops != &twice)
		below = memory->ops;
	memory->ops = &twice;
	write_of(dut, offset, width, value);
}

static void what_zones_read_below_is_bounded(void **state)
{
	static const struct {
		const char *script;
		const char *reason;
	} t[] = {
		{ "device blk zones=aware\ninit\nblk type=out sector=8\nblk sector=8\n",
		  "zones: request 0 for 1 sectors becomes one for more" },
		{ "device blk flags=zones_front zones=aware\ninit\nblk type=out sector=8\n"
		  "blk sector=8\n",
		  "zones: sector 8 is read again" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		static struct machine m[ARRAY_SIZE(t)];
		struct script s;
		struct verdict v;
		char error[128];

		assert_int_equal(script_parse(t[i].script, &s, error, sizeof(error)), 0);
		zoned = &m[i];
		v = play_script_with(zoned, &s, write_above_zones);
		assert_int_equal(v.kind, VERDICT_VIOLATION);
		assert_int_equal(v.rule, 10);
		assert_string_equal(v.reason, t[i].reason);
	}
}

static void assert_reads_back(const struct script *script)
{
	struct script again;
	char error[128];
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	script_print(script, -1, f);
	fclose(f);
	if (script_parse(text, &again, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
	if (memcmp(script, &again, sizeof(again)))
		fail_msg("%s reads as another script", text);
	free(text);
}

/* By its name, where it has one, and as a number. */
static void every_value_reads_back_from_its_text(void **state)
{
	(void)state;
	for (int op = -1; op < OP_CODES; op++) {
		const struct op_form *form = op < 0 ? &script_header_form : &script_op_form[op];

		for (unsigned int i = 0; i < form->fields * 256u; i++) {
			const struct field *f = &form->field[i / 256];
			struct script s;

			memset(&s, 0, sizeof(s));
			s.ops = op >= 0;
			if (op >= 0)
				s.op[0] = script_op((enum op_code)op);
			script_set(op < 0 ? &s.header : &s.op[0], f, i % 256);
			assert_reads_back(&s);
		}
	}
}

static void names_and_numbers_mix(void **state)
{
	struct script s;
	char error[128];

	(void)state;
	assert_int_equal(script_parse("device blk flags=deferred,0x10,8\nblk type=1 wrong=loop\n",
				      &s, error, sizeof(error)),
			 0);
	assert_int_equal(s.header.device.flags,
			 FLAG_DEFERRED | FLAG_NIC_STALLED | FLAG_CANCEL_LATE);
	assert_int_equal(s.op[0].blk.type, BLK_OUT);
	assert_int_equal(s.op[0].blk.wrong, WRONG_LOOP);
	assert_int_equal(script_parse("device blk\nblk type=out,flush\n", &s, error, sizeof(error)),
			 2);
	assert_string_equal(error, "\"type=out,flush\" is not a number, nor a name of one");
	assert_int_equal(script_parse("device blk flags=\n", &s, error, sizeof(error)), 1);
	assert_int_equal(script_parse("device blk flags=deferred,\n", &s, error, sizeof(error)), 1);
}

static void setups_offer_what_their_features_need(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct script_op h = script_op((enum op_code)(any() % DEVICE_KINDS));
		struct setup p;

		h.device.hide = (uint64_t)any() << 40 ^ (uint64_t)any() << 20 ^ any();
		setup_from(&h, &p);
		assert_true(anvil_features_has(&p.offered, VIRTIO_F_VERSION_1));
		if (p.kind == DEVICE_NET && anvil_features_has(&p.offered, VIRTIO_NET_F_GUEST_ECN))
			assert_true(anvil_features_has(&p.offered, VIRTIO_NET_F_GUEST_TSO4) ||
				    anvil_features_has(&p.offered, VIRTIO_NET_F_GUEST_TSO6));
		if (p.kind == DEVICE_BLK && anvil_features_has(&p.offered, VIRTIO_BLK_F_CONFIG_WCE))
			assert_true(anvil_features_has(&p.offered, VIRTIO_BLK_F_FLUSH));
	}
}

static void count_outcomes(void *opaque, size_t index, struct outcome *o)
{
	assert_int_equal(index, *(size_t *)opaque);
	++*(size_t *)opaque;
	assert_false(o->finding);
	free(o->report);
}

static void the_runner_gives_one_outcome_a_script(void **state)
{
	const struct runner_stage model = { .on = RUN_ON_MODEL };
	static struct script script[20];
	size_t seen = 0;

	(void)state;
	assert_int_equal(runner_play(&model, script, 20, 2, count_outcomes, &seen), 0);
	assert_int_equal(seen, 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_string_is_a_script),
		cmocka_unit_test(zeroes_are_the_common_choice),
		cmocka_unit_test(dropping_an_operation_leaves_the_others),
		cmocka_unit_test(bad_text_is_named),
		cmocka_unit_test(too_many_operations_are_named),
		cmocka_unit_test(mutants_have_values_that_fit),
		cmocka_unit_test(mutants_are_scripts_and_repeatable),
		cmocka_unit_test(crossings_are_scripts_and_repeatable),
		cmocka_unit_test(verdicts_do_not_depend_on_what_came_before),
		cmocka_unit_test(what_a_guest_makes_a_device_allocate_is_a_finding),
		cmocka_unit_test(what_a_guest_makes_a_device_compute_is_a_finding),
		cmocka_unit_test(what_a_guest_makes_a_device_copy_is_a_finding),
		cmocka_unit_test(what_zones_read_below_is_bounded),
		cmocka_unit_test(every_value_reads_back_from_its_text),
		cmocka_unit_test(names_and_numbers_mix),
		cmocka_unit_test(setups_offer_what_their_features_need),
		cmocka_unit_test(the_runner_gives_one_outcome_a_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
