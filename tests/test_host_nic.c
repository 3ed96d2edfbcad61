/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_nic.h: options of a network card.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "array_size.h"
#include "kvm/host_nic.h"

static char error[512];

static void nic_options_are_understood(void **state)
{
	struct host_nic_spec s;

	(void)state;
	assert_int_equal(host_nic_parse(&s, "none", error, sizeof(error)), 0);
	assert_int_equal(s.kind, HOST_NIC_NONE);
	assert_true(s.mergeable);
	assert_false(s.legacy);
	assert_int_equal(host_nic_parse(&s, "user,forward=2222:22,forward=80:8080,mergeable=off",
					error, sizeof(error)),
			 0);
	assert_int_equal(s.kind, HOST_NIC_USER);
	assert_false(s.mergeable);
	assert_int_equal(s.forwards, 2);
	assert_int_equal(s.forward[0].host, 2222);
	assert_int_equal(s.forward[1].guest, 8080);
	assert_false(s.host || s.isolated);
	assert_int_equal(host_nic_parse(&s, "user,host", error, sizeof(error)), 0);
	assert_true(s.host);
	assert_int_equal(host_nic_parse(&s, "user,isolated", error, sizeof(error)), 0);
	assert_true(s.isolated);
	assert_int_equal(host_nic_parse(&s, "tap:tap0", error, sizeof(error)), 0);
	assert_int_equal(s.kind, HOST_NIC_TAP);
	assert_string_equal(s.name, "tap0");
	assert_int_equal(host_nic_parse(&s, "pcap:a.pcap,in=b.pcap", error, sizeof(error)), 0);
	assert_string_equal(s.name, "a.pcap");
	assert_string_equal(s.input, "b.pcap");
	assert_int_equal(host_nic_parse(&s, "pcap:a,limit=3", error, sizeof(error)), 0);
	assert_int_equal(s.limit, 3);
	assert_int_equal(host_nic_parse(&s, "none,legacy", error, sizeof(error)), 0);
	assert_true(s.legacy);
	assert_int_equal(host_nic_parse(&s, "tap:t,queues=8,packed", error, sizeof(error)), 0);
	assert_true(s.packed && s.queues == 8);
}

static void other_nic_options_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"bridge",
		"users",
		"none:",
		"tap",
		"tap:",
		"pcap",
		"pcap:",
		"user,forward=1",
		"user,forward=0:1",
		"user,forward=1:65536",
		"user,forward=1:2x",
		"user,forward=+1:2",
		"user,forward= 1:2",
		"user,forward=1: 2",
		"user,forward=:2",
		"user,forward=1:",
		"tap:t,forward=1:2",
		"none,in=x",
		"pcap:a,in=",
		"pcap:a,limit=0",
		"pcap:a,limit=1x",
		"pcap:a,limit=99999999",
		"user,limit=1",
		"user,mergeable=on?",
		"user,host=1",
		"user,host,isolated",
		"tap:t,host",
		"none,isolated",
		"user,legacy=on",
		"user,legacy,packed",
		"user,queues=0",
		"user,queues=9",
		"user,queues=2x",
		"user,queues",
		"user,",
	};
	struct host_nic_spec s;
	char forwards[256] = "user";
	char longest[400];
	const char *told;
	size_t most;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (host_nic_parse(&s, bad[i], error, sizeof(error)) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_null(strchr(error, '\n'));
	}
	for (unsigned int i = 0; i <= HOST_NIC_FORWARDS; i++)
		strcat(forwards, ",forward=1:2");
	assert_int_equal(host_nic_parse(&s, forwards, error, sizeof(error)), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "pcap:", 5);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(host_nic_parse(&s, longest, error, sizeof(error)), -EINVAL);
	told = strstr(error, "give at most ");
	assert_non_null(told);
	most = strtoul(told + strlen("give at most "), NULL, 10);
	longest[most + 1] = 0;
	assert_int_equal(host_nic_parse(&s, longest, error, sizeof(error)), -EINVAL);
	longest[most] = 0; /* what it says is so */
	assert_int_equal(host_nic_parse(&s, longest, error, sizeof(error)), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nic_options_are_understood),
		cmocka_unit_test(other_nic_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
