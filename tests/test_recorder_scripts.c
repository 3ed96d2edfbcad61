/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorder, told of what the pretend driver does as it plays scripts: the same scripts come
 * back.
 */
#include "recorder_rig.h"

#include "array_size.h"

struct recording_bus {
	struct bus bus; /* first */
	struct anvil_blk_options blk;
	struct anvil_net_options net;
	bool started;
	int (*receive)(struct anvil_nic *nic, const struct anvil_nic_frame *frame);
};

static struct recording_bus recording;

static int recording_receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	recorder_frame(&rig.recorder, frame);
	oracle_excuse_allocations(&machine.oracle); /* it may have written a file */
	return recording.receive(nic, frame);
}

/* The player makes the device; at the first access it is there. */
static void start_recording(void)
{
	struct recorder_options o = { .folder = rig.folder, .prefix = "linux" };

	if (recording.started)
		return;
	recording.started = true;
	if (machine.p.kind == DEVICE_BLK) {
		own_blk_options(&machine.own, &recording.blk);
		o.blk = &recording.blk;
	} else {
		own_net_options(&machine.own, &recording.net);
		o.net = &recording.net;
		recording.receive = machine.own.nic.nic.receive;
		machine.own.nic.nic.receive = recording_receive;
	}
	assert_int_equal(recorder_init(&rig.recorder, &o), 0);
}

static uint64_t recording_read(struct bus *c, uint64_t offset, unsigned int width)
{
	uint64_t value;

	(void)c;
	start_recording();
	value = bus.ops->read(&bus, offset, width);
	recorder_read(&rig.recorder, offset, width);
	return value;
}

static void recording_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)c;
	start_recording();
	recorder_write(&rig.recorder, offset, width, value);
	bus.ops->write(&bus, offset, width, value);
}

/* Plays a script and records what its guest does. */
static void record_script(const struct script *script, struct verdict *v)
{
	struct bus_ops ops = *bus.ops;

	ops.read = recording_read;
	ops.write = recording_write;
	memset(&recording, 0, sizeof(recording));
	recording.bus.ops = &ops;
	recording.bus.machine = &machine;
	start_rig();
	player_play(&recording.bus, script, NULL, v);
	assert_true(recording.started);
	assert_true(recorder_finish(&rig.recorder));
}

/* Records the script and gives back as many operations as it has; at its end, the player notifies
 * and resets. */
static void record_again(const char *text, struct script *was, struct script *is)
{
	struct verdict v;
	char error[128];
	unsigned int line = script_parse(text, was, error, sizeof(error));

	if (line)
		fail_msg("line %u of\n%s: %s", line, text, error);
	record_script(was, &v);
	assert_int_equal(v.kind, VERDICT_OK);
	assert_true(recorded("requests_01", is));
	assert_true(is->ops > was->ops);
	is->ops = was->ops;
	remove_folder();
}

static void what_the_pretend_driver_does_comes_back(void **state)
{
	static const char *const text[] = {
		"device blk\ninit\nblk\nblk type=1 sector=3 count=1\nblk type=2 flags=4\n"
		"blk type=3 flags=1\nblk type=4 sector=2 arg=5 count=2\nblk type=5 bits=1 arg=1\n"
		"kick\nblk split=1\nblk split=2\nblk split=9 count=3\nblk type=6 arg=77\n"
		"blk type=7 count=1 arg=88\nblk bits=4\nblk type=3 bits=8\nblk type=2 bits=4\n"
		"blk type=1 bits=0x20\nblk bits=0x10\nblk type=2 flags=0x10\n",
		"device blk size=2 flags=1 slots=2 capacity=4 transfer=1 limits=1 hide=0x6000\n"
		"init decline=0x20000000\nblk\nblk type=1\nblk count=1\nblk sector=8\n"
		"avail how=3 value=1\nblk\n",
		"device blk capacity=1 transfer=2 limits=2\ninit\nblk\n",
		"device blk size=6 limits=3 transfer=3\ninit size=1\nblk type=5 count=0x1f arg=1\n"
		"blk type=1 split=0xe flags=1 count=0x17\nstop how=1\nqueue size=3\nblk type=2\n",
		"device net\ninit\nrx count=4\nrx len=4 count=2\nrx pieces=3 flags=1\n"
		"rx len=1\nrx len=2 flags=4\nrx len=3\nrx len=5\nrx len=6\n",
		"device net limits=3 flags=2\ninit\nrx len=7 where=5\nrx wrong=10 len=3\n"
		"frame len=59\nframe kind=1 len=60\nframe kind=2 len=0x600\n"
		"frame kind=3 vlan=1 value=0x70000 len=100\n"
		"frame kind=4 vlan=1 to=1 value=0x80000 len=100\n"
		"frame kind=7 vlan=1 value=0x90000 len=100\nframe to=1 len=41\n"
		"frame to=2 value=0x605 len=13\nframe to=6 value=0x60504030201 len=0xffff\n"
		"frame kind=1 offload=1 len=99\nframe offload=2 len=99\n"
		"frame kind=1 offload=3 len=0x1000\nframe kind=2 offload=4 len=0x1000\n"
		"frame kind=1 offload=5 len=0x1000\nframe kind=2 offload=7 len=0x1000\n",
		"device net size=6\ninit\ntx len=60\ntx kind=1 bits=1 len=80\n"
		"tx kind=1 offload=1 len=5000\ntx kind=2 offload=2 len=5000\n"
		"tx kind=3 offload=3 len=5000 headers=0x10001\ntx kind=4 offload=4 len=200\n"
		"tx kind=1 offload=5 len=100\ntx offload=6 len=40\ntx offload=7 len=40\n"
		"tx kind=6\ntx kind=7 len=4\ntx bits=1 headers=0x1234567890abcdef len=90\n"
		"tx split=1 len=99\ntx split=7 len=99\ntx split=0xe flags=1 len=0x4000\n"
		"tx len=50 wrong=27\n",
		"device net\ninit\nctrl\nctrl command=1 value=1\nctrl class=1 counts=0x20001\n"
		"ctrl class=1 command=1 value=0x60504030201\nctrl class=2 command=1 value=0x123\n"
		"ctrl class=4 command=7\nctrl split=1\nctrl flags=0x10\nctrl more=3\n"
		"ctrl class=2 more=0xff\nctrl class=1 counts=1 flags=1\nkick queue=2\n"
		"kick raw=1 value=77\nread offset=0xfc\nread width=2 offset=0x106\n"
		"write width=1 offset=0x100 value=7\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct script was;
		struct script is;
		char *expected;

		record_again(text[i], &was, &is);
		expected = text_of(&was);
		assert_text(&is, expected);
		free(expected);
	}
}

static void all_committed_scripts_can_be_recorded(void **state)
{
	static char corpora[] = "corpora", crashes[] = "crashes";
	char *const args[] = { corpora, crashes };
	size_t count;
	char **path = files_list(args, 2, &count);

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < count; i++) {
		struct script s;
		struct verdict v;

		assert_true(files_read_script(path[i], &s));
		if (s.header.code == DEVICE_ECHO)
			continue;
		record_script(&s, &v);
		assert_true(v.kind == VERDICT_OK || v.kind == VERDICT_REJECTED);
		play_all();
		remove_folder();
	}
	files_free(path, count);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_pretend_driver_does_comes_back),
		cmocka_unit_test(all_committed_scripts_can_be_recorded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
