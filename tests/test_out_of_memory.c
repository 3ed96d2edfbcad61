/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a device when there is not enough memory: each allocation that its init makes fails once.
 * It says so, and gives back what it had; AddressSanitizer looks for the rest.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>

#include "virtio_blk.h"
#include "virtio_net.h"
#include "zoned_disk.h"

/* The linker has them called in the place of the library's. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);

static unsigned int left = UINT32_MAX; /* allocations that succeed, before one that does not */
static bool failed;

static bool fails(void)
{
	if (left--)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

/* Makes one and destroys it, or tells why not. */
typedef int (*make_fn)(const struct anvil_guest_memory *memory);

static void fails_at_each(make_fn make)
{
	struct ram ram;
	unsigned int n = 0;
	int err;

	ram_init(&ram);
	do {
		left = n++;
		failed = false;
		err = make(&ram.memory);
		left = UINT32_MAX;
		assert_int_equal(err, failed ? -ENOMEM : 0);
	} while (failed);
	assert_true(n > 2);
	ram_destroy(&ram);
}

/* ---- a disk ---- */

static void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	(void)disk;
	request->done(request, 0);
}

static const struct anvil_disk_ops disk_ops = { .submit = submit };

static int make_blk(const struct anvil_guest_memory *memory)
{
	struct anvil_blk *blk =
		__real_calloc(1, sizeof(*blk)); /* else what leaks would be reachable */
	struct anvil_disk disk = { .ops = &disk_ops, .capacity = 64 };
	struct anvil_blk_options options = {
		.memory = memory,
		.disk = &disk,
		.num_queues = 2,
		.queue_size_max = 16,
		.slots = 4,
		.transfer_max = 4096,
		.blk_size = 512,
		.range_sectors_max = 8,
		.range_segments_max = 2,
	};
	int err;

	anvil_features_add(&options.features, VIRTIO_BLK_F_MQ);
	assert_non_null(blk);
	err = anvil_blk_init(blk, &options);
	if (!err)
		anvil_blk_destroy(blk);
	free(blk);
	return err;
}

static void block_device(void **state)
{
	(void)state;
	fails_at_each(make_blk);
}

static int make_zones(const struct anvil_guest_memory *memory, enum anvil_disk_zone_model model)
{
	struct anvil_disk disk = { .ops = &disk_ops, .capacity = 64 };
	struct anvil_zoned_disk zones;
	const struct anvil_zoned_disk_options options = {
		.zoning = { .model = model,
			    .zone_sectors = 8,
			    .open_max = model == ANVIL_DISK_HOST_MANAGED ? 2 : 0,
			    .write_granularity = 512 },
	};
	int err = anvil_zoned_disk_init(&zones, &disk, &options);

	(void)memory;
	if (!err)
		anvil_zoned_disk_destroy(&zones);
	return err;
}

static int make_managed(const struct anvil_guest_memory *memory)
{
	return make_zones(memory, ANVIL_DISK_HOST_MANAGED);
}

static int make_aware(const struct anvil_guest_memory *memory)
{
	return make_zones(memory, ANVIL_DISK_HOST_AWARE);
}

static void zoned_disks(void **state)
{
	(void)state;
	fails_at_each(make_managed);
	fails_at_each(make_aware);
}

/* ---- a network card ---- */

static int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic, (void)frame;
	return 0;
}

static int make_net(const struct anvil_guest_memory *memory)
{
	static const struct anvil_nic_ops ops = { .send = send_frame };
	struct anvil_net *net = __real_calloc(1, sizeof(*net));
	struct anvil_nic nic = { .ops = &ops };
	struct anvil_net_options options = {
		.memory = memory,
		.nic = &nic,
		.queue_size_max = 16,
		.queue_pairs_max = 2,
		.mtu = 1500,
	};
	int err;

	anvil_features_add(&options.features, VIRTIO_NET_F_CTRL_VQ);
	anvil_features_add(&options.features, VIRTIO_NET_F_MQ);
	anvil_features_add(&options.features, VIRTIO_NET_F_RSS);
	assert_non_null(net);
	err = anvil_net_init(net, &options);
	if (!err)
		anvil_net_destroy(net);
	free(net);
	return err;
}

static void network_device(void **state)
{
	(void)state;
	fails_at_each(make_net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_device),
		cmocka_unit_test(zoned_disks),
		cmocka_unit_test(network_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
