/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In which order a driver on another processor may see what a device does: for
 * test_memory_order_*.c.
 *
 * devices/ as the compiler makes it for ThreadSanitizer says the order of each atomic access and of
 * each fence, and the tap of guest memory says all accesses. Of what was recorded two accesses are
 * in order for others if C11 says so (an acquire load before all after it, a release store behind
 * all before it, fences), which is what a compiler has to make true on x86-64 and on any weaker
 * machine. order_check holds the record to what the specification asks for.
 *
 * A requirement that nothing recorded is about fails. So does an order that nothing needs: each
 * place in the code that gives one is taken for relaxed, or its fence for none, in turn, and a
 * requirement has to break. That is what shows that one taken out would be noticed.
 */
#ifndef TESTS_MEMORY_ORDER_H
#define TESTS_MEMORY_ORDER_H

#include "guest_memory.h"

/* What an access is for; classes of a test, from 1 on. 0: it is of no concern. */
typedef unsigned int (*order_classify)(const void *opaque, bool store, uint64_t gpa,
				       const void *bytes, size_t len);

/* Each access of class `then` comes, for others, after each of class `first` that was before it. */
struct order_rule {
	unsigned int first;
	unsigned int then;
	const char *why; /* and the clause */
};

/* From now on records what the device does in `memory`, of which this is the tap. */
void order_record(struct anvil_guest_memory *memory, order_classify classify, const void *opaque);

/* Fails the running test if a rule is broken, says nothing, or would hold with an order less;
 * forgets the record. */
void order_check(const struct order_rule *rule, unsigned int rules);

#endif
