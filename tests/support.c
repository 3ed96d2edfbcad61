/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tests' side of everything. It shares the specification's numbers with the devices, and no
 * code.
 */
#include "support.h"

#include <endian.h>
#include <sys/mman.h>

#include "array_size.h"

/* ---- guest RAM ---- */

#define PAGE 4096u

static const uint64_t region_gpa[RAM_REGIONS] = { RAM_LOW, RAM_SEAM, RAM_HIGH };

static uint8_t *at(const struct ram *ram, uint64_t gpa)
{
	for (unsigned int i = 0; i < RAM_REGIONS; i++) {
		if (gpa >= region_gpa[i] && gpa - region_gpa[i] < RAM_BYTES)
			return ram->host[i] + (gpa - region_gpa[i]);
	}
	fail_msg("the test itself is wrong: no RAM at %#llx", (unsigned long long)gpa);
	return NULL;
}

static void tap_fetching(void *opaque, uint64_t gpa, size_t len)
{
	struct ram *ram = opaque;

	ram->fetches++;
	if (!ram->race_len || ram->race_at < gpa || ram->race_at >= gpa + len)
		return;
	if (ram->race_after > 0) {
		ram->race_after--;
		return;
	}
	uint64_t value = htole64(ram->race_value);

	ram_put(ram, ram->race_gpa, &value, ram->race_len);
	ram->race_len = 0;
}

static void tap_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)bytes;
	(void)len;
}

static void tap_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct ram *ram = opaque;

	(void)bytes;
	ram->stores++;
	for (unsigned int i = 0; i < ram->alloweds; i++) {
		uint64_t first = ram->allowed[i][0];

		if (gpa >= first && gpa + len <= first + ram->allowed[i][1])
			return;
	}
	if (ram->alloweds)
		fail_msg("the device stored %zu bytes at %#llx", len, (unsigned long long)gpa);
}

void ram_init(struct ram *ram)
{
	struct anvil_guest_memory_region region[RAM_REGIONS];

	memset(ram, 0, sizeof(*ram));
	for (unsigned int i = 0; i < RAM_REGIONS; i++) {
		uint8_t *p = mmap(NULL, RAM_BYTES + 2 * PAGE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_ptr_not_equal(p, MAP_FAILED);
		ram->host[i] = p + PAGE;
		assert_int_equal(mprotect(ram->host[i], RAM_BYTES, PROT_READ | PROT_WRITE), 0);
		region[i] = (struct anvil_guest_memory_region){ region_gpa[i], RAM_BYTES,
								ram->host[i] };
	}
	assert_int_equal(anvil_guest_memory_init(&ram->memory, region, RAM_REGIONS), 0);
	ram->tap = (struct anvil_guest_memory_tap){ tap_fetching, tap_fetched, tap_stored, ram };
}

void ram_destroy(struct ram *ram)
{
	for (unsigned int i = 0; i < RAM_REGIONS; i++)
		assert_int_equal(munmap(ram->host[i] - PAGE, RAM_BYTES + 2 * PAGE), 0);
}

void ram_watch(struct ram *ram)
{
	ram->memory.tap = &ram->tap;
	ram->fetches = 0;
	ram->stores = 0;
}

void ram_put(struct ram *ram, uint64_t gpa, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at(ram, gpa + i) = ((const uint8_t *)bytes)[i];
}

void ram_get(struct ram *ram, uint64_t gpa, void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = *at(ram, gpa + i);
}

void ram_fill(struct ram *ram, uint64_t gpa, uint8_t byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at(ram, gpa + i) = byte;
}

void ram_put16(struct ram *ram, uint64_t gpa, uint16_t value)
{
	value = htole16(value);
	ram_put(ram, gpa, &value, sizeof(value));
}

uint16_t ram_get16(struct ram *ram, uint64_t gpa)
{
	uint16_t value;

	ram_get(ram, gpa, &value, sizeof(value));
	return le16toh(value);
}

uint8_t ram_get8(struct ram *ram, uint64_t gpa)
{
	return *at(ram, gpa);
}

/* FNV-1a */
uint64_t ram_sum(const struct ram *ram)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (unsigned int i = 0; i < RAM_REGIONS; i++) {
		for (uint32_t j = 0; j < RAM_BYTES; j++)
			sum = (sum ^ ram->host[i][j]) * 0x100000001b3;
	}
	return sum;
}

/* ---- a ring ---- */

void ring_init(struct ring *ring, struct ram *ram, uint64_t base, uint16_t size)
{
	*ring = (struct ring){ .ram = ram, .size = size, .desc = base };
	ring->avail = base + 16u * size;
	ring->used = (ring->avail + 6u + 2u * size + 3) & ~3ull;
	ram_fill(ram, base, 0, (size_t)(ring->used + 6 + 8u * size - base));
}

void ram_desc(struct ram *ram, uint64_t where, uint64_t gpa, uint32_t len, uint16_t flags,
	      uint16_t next)
{
	struct virtq_desc desc = { htole64(gpa), htole32(len), htole16(flags), htole16(next) };

	ram_put(ram, where, &desc, sizeof(desc));
}

void ring_desc(struct ring *ring, uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags,
	       uint16_t next)
{
	ram_desc(ring->ram, ring->desc + 16u * index, gpa, len, flags, next);
}

void ring_offer(struct ring *ring, uint16_t head)
{
	ram_put16(ring->ram, ring->avail + 4 + 2u * (ring->avail_idx % ring->size), head);
	ram_put16(ring->ram, ring->avail + 2, ++ring->avail_idx);
}

uint16_t ring_chain(struct ring *ring, const struct buffer *buffer, unsigned int count)
{
	uint16_t head = ring->free;

	for (unsigned int i = 0; i < count; i++) {
		uint16_t index = ring->free;

		ring->free = (uint16_t)((index + 1) % ring->size);
		ring_desc(ring, index, buffer[i].gpa, buffer[i].len,
			  buffer[i].flags | (i + 1 < count ? NEXT : 0), ring->free);
	}
	ring_offer(ring, head);
	return head;
}

uint16_t ring_published(const struct ring *ring)
{
	return ram_get16(ring->ram, ring->used + 2);
}

void ring_expect(struct ring *ring, uint16_t head, uint32_t len)
{
	struct virtq_used_elem elem;

	assert_int_not_equal(ring_published(ring), ring->used_idx);
	ram_get(ring->ram, ring->used + 4 + 8u * (ring->used_idx % ring->size), &elem,
		sizeof(elem));
	assert_int_equal(le32toh(elem.id), head);
	assert_int_equal(le32toh(elem.len), len);
	ring->used_idx++;
}

void ring_expect_none(const struct ring *ring)
{
	assert_int_equal(ring_published(ring), ring->used_idx);
}

/* ---- registers ---- */

static void set_irq(void *opaque, bool asserted)
{
	struct guest *guest = opaque;

	assert_int_not_equal(guest->irq, asserted);
	guest->irq = asserted;
	guest->irq_edges += asserted;
}

static void defer(void *opaque)
{
	((struct guest *)opaque)->defers++;
}

static void refused(void *opaque, unsigned int queue, int err)
{
	struct guest *guest = opaque;

	assert_true(err < 0);
	guest->refusals++;
	guest->refused_queue = queue;
	guest->refused_err = err;
}

static const struct anvil_mmio_host_ops host_ops = {
	.set_irq = set_irq,
	.defer = defer,
	.refused = refused,
};

void guest_init(struct guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	ram_init(&guest->ram);
}

void guest_destroy(struct guest *guest)
{
	ram_destroy(&guest->ram);
}

void guest_attach(struct guest *guest, struct anvil_device *dev)
{
	anvil_mmio_init(&guest->mmio, dev, &host_ops, guest);
}

uint32_t reg_read(struct guest *guest, uint32_t offset)
{
	uint64_t value = anvil_mmio_read(&guest->mmio, offset, 4);

	assert_int_equal(value >> 32, 0);
	return (uint32_t)value;
}

void reg_write(struct guest *guest, uint32_t offset, uint32_t value)
{
	anvil_mmio_write(&guest->mmio, offset, 4, value);
}

uint32_t guest_status(struct guest *guest)
{
	return reg_read(guest, VIRTIO_MMIO_STATUS);
}

bool guest_negotiate(struct guest *guest, struct anvil_features set)
{
	set.word[0] |= 1ull << VIRTIO_F_VERSION_1;
	reg_write(guest, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	for (uint32_t sel = 0; sel < 4; sel++) {
		reg_write(guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, sel);
		reg_write(guest, VIRTIO_MMIO_DRIVER_FEATURES,
			  (uint32_t)(set.word[sel / 2] >> (sel % 2 * 32)));
	}
	reg_write(guest, VIRTIO_MMIO_STATUS, UP_TO_FEATURES_OK);
	return guest_status(guest) == UP_TO_FEATURES_OK;
}

static void write_pair(struct guest *guest, uint32_t low, uint64_t value)
{
	reg_write(guest, low, (uint32_t)value);
	reg_write(guest, low + 4, (uint32_t)(value >> 32));
}

bool guest_start_queue(struct guest *guest, unsigned int index)
{
	const struct ring *ring = &guest->ring[index];

	reg_write(guest, VIRTIO_MMIO_QUEUE_SEL, index);
	reg_write(guest, VIRTIO_MMIO_QUEUE_SIZE, ring->size);
	write_pair(guest, VIRTIO_MMIO_QUEUE_DESC_LOW, ring->desc);
	write_pair(guest, VIRTIO_MMIO_QUEUE_DRIVER_LOW, ring->avail);
	write_pair(guest, VIRTIO_MMIO_QUEUE_DEVICE_LOW, ring->used);
	reg_write(guest, VIRTIO_MMIO_QUEUE_READY, 1);
	return reg_read(guest, VIRTIO_MMIO_QUEUE_READY) == 1;
}

void guest_drive(struct guest *guest, struct anvil_features set, unsigned int queues, uint16_t size)
{
	reg_write(guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(guest, set));
	for (unsigned int i = 0; i < queues; i++) {
		ring_init(&guest->ring[i], &guest->ram, RAM_HIGH + 0x1000ull * i, size);
		assert_true(guest_start_queue(guest, i));
	}
	reg_write(guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	assert_int_equal(guest_status(guest), UP_TO_DRIVER_OK);
}

void guest_notify(struct guest *guest, unsigned int queue)
{
	reg_write(guest, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

uint32_t guest_take_interrupts(struct guest *guest)
{
	uint32_t status = reg_read(guest, VIRTIO_MMIO_INTERRUPT_STATUS);

	assert_int_equal(guest->irq, status != 0);
	reg_write(guest, VIRTIO_MMIO_INTERRUPT_ACK, status);
	assert_false(guest->irq);
	return status;
}

struct anvil_features features(int bit, ...)
{
	struct anvil_features set = { { 0 } };
	va_list bits;

	va_start(bits, bit);
	for (; bit >= 0; bit = va_arg(bits, int))
		set.word[bit / 64] |= 1ull << (bit % 64);
	va_end(bits);
	return set;
}

/* ---- a device type ---- */

static struct fake_device *to_fake(const struct anvil_device *dev)
{
	return (struct fake_device *)(uintptr_t)((const char *)dev -
						 offsetof(struct fake_device, dev));
}

static void fake_accepted(struct anvil_device *dev)
{
	to_fake(dev)->accepted++;
	if (!anvil_device_has(dev, FAKE_QUEUE_2))
		dev->queues_used = 2;
}

static void fake_notified(struct anvil_device *dev, unsigned int queue)
{
	to_fake(dev)->notified[queue]++;
}

static void fake_stopped(struct anvil_device *dev, unsigned int queue)
{
	to_fake(dev)->stopped[queue]++;
}

static void fake_config_written(struct anvil_device *dev, uint32_t offset, const uint8_t *bytes,
				uint32_t len)
{
	struct fake_device *fake = to_fake(dev);

	fake->config_writes++;
	fake->config_offset = offset;
	fake->config_len = len;
	assert_true(len <= sizeof(fake->config_bytes));
	memcpy(fake->config_bytes, bytes, len);
}

static void fake_reset(struct anvil_device *dev)
{
	to_fake(dev)->resets++;
}

static const struct anvil_feature_rule fake_rules[] = {
	{ FAKE_FEATURE_A, { FAKE_NEEDS_B, FAKE_NEEDS_A } },
};

static const struct anvil_device_ops fake_ops = {
	.device_id = FAKE_DEVICE_ID,
	.rule = fake_rules,
	.rules = ARRAY_SIZE(fake_rules),
	.features_accepted = fake_accepted,
	.notified = fake_notified,
	.queue_stopped = fake_stopped,
	.config_written = fake_config_written,
	.reset = fake_reset,
};

void fake_device_init(struct fake_device *fake, const struct anvil_guest_memory *memory)
{
	struct anvil_features offered =
		features(FAKE_FEATURE_A, FAKE_NEEDS_A, FAKE_NEEDS_B, FAKE_QUEUE_2,
			 VIRTIO_F_RING_RESET, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, -1);

	memset(fake, 0, sizeof(*fake));
	assert_int_equal(anvil_device_init(&fake->dev, &fake_ops, memory, 3, 8, &offered), 0);
	for (uint8_t i = 0; i < sizeof(fake->config); i++)
		fake->config[i] = (uint8_t)(0xc0 + i);
	fake->dev.config = fake->config;
	fake->dev.config_len = sizeof(fake->config);
}

/* ---- a disk ---- */

static struct test_disk *to_disk(struct anvil_disk *disk)
{
	return (struct test_disk *)(void *)disk;
}

static void carry_out(struct test_disk *disk, const struct anvil_disk_request *request)
{
	uint8_t *place = disk->data + (request->sector - disk->first) * ANVIL_DISK_SECTOR_BYTES;
	size_t len = (size_t)(request->sectors * ANVIL_DISK_SECTOR_BYTES);

	if (request->op == ANVIL_DISK_READ)
		memcpy(request->data, place, len);
	else if (request->op == ANVIL_DISK_WRITE)
		memcpy(place, request->data, len);
	else if (request->op == ANVIL_DISK_WRITE_ZEROES)
		memset(place, 0, len);
	else if (request->op == ANVIL_DISK_DISCARD)
		memset(place, 0xdd, len);
	else if (request->op == ANVIL_DISK_SECURE_ERASE)
		memset(place, 0xed, len);
}

static void finish(struct test_disk *disk, struct anvil_disk_request *request, int result)
{
	if (!result)
		carry_out(disk, request);
	request->done(request, result);
}

/* What backend.h promises of every request, checked on every request. */
static void check_request(const struct test_disk *disk, const struct anvil_disk_request *request)
{
	assert_non_null(request->done);
	if (request->op == ANVIL_DISK_FLUSH) {
		assert_int_equal(request->sectors, 0);
		return;
	}
	assert_true(request->sectors > 0);
	assert_true(request->sectors <= disk->disk.capacity);
	assert_true(request->sector <= disk->disk.capacity - request->sectors);
	assert_true(request->op == ANVIL_DISK_READ || !disk->disk.read_only);
	assert_true(request->sector >= disk->first);
	assert_true(request->sector - disk->first <= TEST_DISK_SECTORS - request->sectors);
}

static void disk_submit(struct anvil_disk *base, struct anvil_disk_request *request)
{
	struct test_disk *disk = to_disk(base);

	check_request(disk, request);
	assert_true(disk->logs < TEST_DISK_LOG);
	disk->log[disk->logs++] = *request;
	if (disk->defer) {
		assert_true(disk->pendings < TEST_DISK_LOG);
		disk->pending[disk->pendings++] = request;
	} else {
		finish(disk, request, disk->result);
	}
}

void test_disk_finish(struct test_disk *disk, unsigned int index, int result)
{
	assert_true(index < disk->pendings);

	struct anvil_disk_request *request = disk->pending[index];

	disk->pendings--;
	memmove(&disk->pending[index], &disk->pending[index + 1],
		(disk->pendings - index) * sizeof(disk->pending[0]));
	finish(disk, request, result);
}

static void disk_cancel(struct anvil_disk *base, struct anvil_disk_request *request)
{
	struct test_disk *disk = to_disk(base);

	disk->cancels++;
	for (unsigned int i = disk->pendings; i-- > 0;) {
		if (disk->cancel_finishes_all ||
		    (disk->cancel_finishes && disk->pending[i] == request))
			test_disk_finish(disk, i, disk->cancel_finishes_all ? 0 : -ECANCELED);
	}
}

void test_disk_init(struct test_disk *disk)
{
	static const struct anvil_disk_ops ops = { .submit = disk_submit, .cancel = disk_cancel };

	memset(disk, 0, sizeof(*disk));
	disk->disk.ops = &ops;
	disk->disk.capacity = TEST_DISK_SECTORS;
	memcpy(disk->disk.id, "twenty bytes of name", ANVIL_DISK_ID_BYTES);
	disk->data = malloc((size_t)TEST_DISK_SECTORS * ANVIL_DISK_SECTOR_BYTES);
	assert_non_null(disk->data);
	for (uint32_t i = 0; i < TEST_DISK_SECTORS * ANVIL_DISK_SECTOR_BYTES; i++)
		disk->data[i] = (uint8_t)(i / ANVIL_DISK_SECTOR_BYTES * 37 + i * 7 + 1);
}

void test_disk_destroy(struct test_disk *disk)
{
	assert_int_equal(disk->pendings, 0);
	free(disk->data);
}

/* ---- a network interface ---- */

static int nic_send(struct anvil_nic *base, const struct anvil_nic_frame *frame)
{
	struct test_nic *nic = (struct test_nic *)(void *)base;

	nic->sends++;
	assert_in_range(frame->len, ANVIL_NIC_FRAME_BYTES_MIN, ANVIL_NIC_FRAME_BYTES_MAX);
	free(nic->frame);
	nic->frame = malloc(frame->len);
	assert_non_null(nic->frame);
	memcpy(nic->frame, frame->data, frame->len);
	nic->len = frame->len;
	nic->offload = frame->offload;
	if (nic->room == 0)
		return nic->verdict;
	nic->room--;
	return 0;
}

static void nic_receivable(struct anvil_nic *base)
{
	((struct test_nic *)(void *)base)->receivables++;
}

void test_nic_init(struct test_nic *nic)
{
	static const struct anvil_nic_ops ops = { .send = nic_send, .receivable = nic_receivable };

	memset(nic, 0, sizeof(*nic));
	nic->nic.ops = &ops;
}

void test_nic_destroy(struct test_nic *nic)
{
	free(nic->frame);
}
