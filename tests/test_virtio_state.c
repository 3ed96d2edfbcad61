/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio_state.h: a device is saved, made anew, and goes on; what is no state is refused. */
#include "support.h"

#include <endian.h>

#include "array_size.h"
#include "virtio_blk.h"
#include "virtio_mmio_state.h"
#include "virtio_net.h"

#define HEADER	    18u /* magic, version, type, length, checksum */
#define IMAGE_BYTES 8192u
#define AT	    RAM_SEAM /* buffers */

struct fixture {
	struct guest guest;
	struct test_disk disk;
	struct test_nic nic;
	struct anvil_blk blk;
	struct anvil_net net;
	uint8_t image[IMAGE_BYTES];
	size_t len;
};

static void create_blk(struct fixture *f)
{
	struct anvil_blk_options o = {
		.memory = &f->guest.ram.memory,
		.disk = &f->disk.disk,
		.queue_size_max = 8,
		.slots = 2,
		.transfer_max = 4096,
		.blk_size = 512,
		.range_sectors_max = 1,
		.range_segments_max = 1,
		.features = features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE,
				     VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_RESET, -1),
	};

	assert_int_equal(anvil_blk_init(&f->blk, &o), 0);
	guest_attach(&f->guest, &f->blk.dev);
}

/* A card with all that makes its state longer. */
static struct anvil_features richly(void)
{
	return features(VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ,
			VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_RX_EXTRA,
			VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_RSS,
			VIRTIO_NET_F_RSS_CONTEXT, VIRTIO_NET_F_HASH_REPORT,
			VIRTIO_NET_F_HASH_TUNNEL, VIRTIO_NET_F_NOTF_COAL, VIRTIO_NET_F_VQ_NOTF_COAL,
			VIRTIO_NET_F_DEVICE_STATS, -1);
}

static void create_net_with(struct fixture *f, struct anvil_features offered)
{
	struct anvil_net_options o = {
		.memory = &f->guest.ram.memory,
		.nic = &f->nic.nic,
		.queue_size_max = 8,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.mtu = 1500,
		.link_up = true,
		.features = offered,
	};

	assert_int_equal(anvil_net_init(&f->net, &o), 0);
	guest_attach(&f->guest, &f->net.dev);
}

static void create_net(struct fixture *f)
{
	create_net_with(f, features(VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ,
				    VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN,
				    VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_MAC_ADDR, -1));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	test_disk_init(&f->disk);
	test_nic_init(&f->nic);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_blk_destroy(&f->blk);
	anvil_net_destroy(&f->net);
	test_nic_destroy(&f->nic);
	test_disk_destroy(&f->disk);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

static void save(struct fixture *f)
{
	assert_int_equal(anvil_mmio_save(&f->guest.mmio, f->image, sizeof(f->image), &f->len), 0);
}

static int restore(struct fixture *f)
{
	return anvil_mmio_restore(&f->guest.mmio, f->image, f->len);
}

static void replace_blk(struct fixture *f)
{
	anvil_blk_destroy(&f->blk);
	f->guest.irq = false;
	create_blk(f);
}

static void replace_net_with(struct fixture *f, struct anvil_features offered)
{
	anvil_net_destroy(&f->net);
	f->guest.irq = false;
	create_net_with(f, offered);
}

static void replace_net(struct fixture *f)
{
	anvil_net_destroy(&f->net);
	f->guest.irq = false;
	create_net(f);
}

static void seal(struct fixture *f)
{
	struct anvil_state_writer w = { .bytes = f->image + 10, .room = 8 };

	anvil_state_put(&w, f->len - HEADER, 4);
	anvil_state_put(&w, anvil_state_checksum(f->image + HEADER, f->len - HEADER), 4);
}

/* Everything a driver can read */
static void read_registers(struct fixture *f, uint32_t *value)
{
	for (uint32_t i = 0; i < ANVIL_MMIO_WINDOW / 4; i++)
		value[i] = reg_read(&f->guest, 4 * i);
}

static uint16_t request(struct fixture *f, uint32_t type, uint64_t sector, uint8_t byte)
{
	struct virtio_blk_header h = { .type = htole32(type), .sector = htole64(sector) };
	struct buffer b[] = {
		{ AT, sizeof(h), 0 },
		{ AT + 512, 512, type == VIRTIO_BLK_T_OUT ? 0 : WRITABLE },
		{ AT + 2048, 1, WRITABLE },
	};

	ram_put(&f->guest.ram, AT, &h, sizeof(h));
	ram_fill(&f->guest.ram, AT + 512, byte, 512);
	return ring_chain(&f->guest.ring[0], b, ARRAY_SIZE(b));
}

static void drive_blk(struct fixture *f)
{
	create_blk(f);
	guest_drive(&f->guest,
		    features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_F_EVENT_IDX, -1),
		    1, 8);
}

static void a_disk_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;
	uint32_t before[ANVIL_MMIO_WINDOW / 4];
	uint32_t after[ANVIL_MMIO_WINDOW / 4];
	uint16_t head;

	drive_blk(f);
	for (unsigned int i = 0; i < 11; i++) { /* round the ring */
		f->guest.ring[0].free = 0;
		head = request(f, VIRTIO_BLK_T_OUT, i, (uint8_t)i);
		guest_notify(&f->guest, 0);
		ring_expect(&f->guest.ring[0], head, 1);
		assert_int_equal(ram_get8(&f->guest.ram, AT + 2048), VIRTIO_BLK_S_OK);
	}
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1, 0); /* write-through */
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 0);
	read_registers(f, before);
	assert_int_equal(before[VIRTIO_MMIO_INTERRUPT_STATUS / 4], VIRTIO_INTERRUPT_USED);
	save(f);
	replace_blk(f);
	assert_int_equal(restore(f), 0);
	assert_true(f->guest.irq);
	assert_true(f->guest.defers > 0);
	read_registers(f, after);
	assert_memory_equal(before, after, sizeof(before));
	anvil_mmio_poll(&f->guest.mmio);
	f->guest.ring[0].free = 0;
	head = request(f, VIRTIO_BLK_T_IN, 7, 0xff);
	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], head, 513);
	assert_int_equal(ram_get8(&f->guest.ram, AT + 512), 7);
}

static void what_was_made_available_meanwhile_is_found(void **state)
{
	struct fixture *f = *state;
	uint16_t head;

	drive_blk(f);
	save(f);
	head = request(f, VIRTIO_BLK_T_OUT, 3, 3);
	replace_blk(f);
	assert_int_equal(restore(f), 0);
	anvil_mmio_poll(&f->guest.mmio);
	ring_expect(&f->guest.ring[0], head, 1);
	assert_int_equal(ram_get8(&f->guest.ram, AT + 2048), VIRTIO_BLK_S_OK);
}

static void requests_in_flight_are_not_forgotten(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	f->disk.defer = true;
	request(f, VIRTIO_BLK_T_OUT, 3, 3);
	guest_notify(&f->guest, 0);
	assert_int_equal(anvil_mmio_save(&f->guest.mmio, f->image, sizeof(f->image), &f->len),
			 -EBUSY);
	test_disk_finish(&f->disk, 0, 0);
	save(f);
}

static void no_more_is_written_than_there_is_room(void **state)
{
	struct fixture *f = *state;
	size_t len;

	drive_blk(f);
	save(f);
	for (size_t room = 0; room < f->len; room++) {
		uint8_t *image = malloc(room ? room : 1);

		assert_int_equal(anvil_mmio_save(&f->guest.mmio, image, room, &len), -ENOSPC);
		assert_int_equal(len, f->len);
		free(image);
	}
}

static void a_disk_that_was_resized_meanwhile_is_told(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	save(f);
	f->disk.disk.capacity = TEST_DISK_SECTORS / 2;
	replace_blk(f);
	assert_int_equal(restore(f), 0);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), TEST_DISK_SECTORS / 2);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
}

static uint8_t command(struct fixture *f, uint8_t class, uint8_t code, const void *data,
		       uint32_t len)
{
	uint8_t head[2] = { class, code };
	struct buffer b[] = {
		{ AT, 2, 0 },
		{ AT + 64, len, 0 },
		{ AT + 2048, 1, WRITABLE },
	};

	ram_put(&f->guest.ram, AT, head, 2);
	ram_put(&f->guest.ram, AT + 64, data, len);
	ring_chain(&f->guest.ring[2], b, ARRAY_SIZE(b));
	guest_notify(&f->guest, 2);
	return ram_get8(&f->guest.ram, AT + 2048);
}

static void drive_net(struct fixture *f)
{
	create_net(f);
	guest_drive(&f->guest,
		    features(VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ,
			     VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN,
			     VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_MAC_ADDR, -1),
		    3, 8);
}

static void a_network_card_keeps_its_filters(void **state)
{
	static const uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	static const uint8_t tables[] = { 1, 0, 0, 0, 2, 7, 7,	  7, 7, 7,
					  1, 0, 0, 0, 1, 0, 0x5e, 1, 2, 3 };
	static const uint8_t on = 1;
	struct fixture *f = *state;
	struct anvil_net_filter filter;
	uint16_t vlan = htole16(77);

	drive_net(f);
	f->guest.ring[2].free = 0;
	assert_int_equal(command(f, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6), 0);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, &on, 1), 0);
	f->guest.ring[2].free = 0;
	assert_int_equal(command(f, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &vlan, 2), 0);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
				 sizeof(tables)),
			 0);
	filter = *f->net.filter;
	save(f);
	replace_net(f);
	assert_int_equal(restore(f), 0);
	assert_memory_equal(f->net.config.mac, mac, 6);
	assert_true(f->net.filter->nobcast && !f->net.filter->promisc);
	assert_int_equal(f->net.filter->unicast.count, 1);
	assert_memory_equal(f->net.filter->multicast.mac[0], filter.multicast.mac[0], 6);
	assert_memory_equal(f->net.filter->vlan, filter.vlan, sizeof(filter.vlan));
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
}

static void the_nic_is_asked_to_go_on(void **state)
{
	struct fixture *f = *state;

	drive_net(f);
	save(f);
	replace_net(f);
	assert_int_equal(restore(f), 0);
	f->nic.receivables = 0;
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->nic.receivables, 1);
}

/* ---- what is refused ---- */

static void is_as_created(struct fixture *f)
{
	assert_int_equal(guest_status(&f->guest), 0);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), 0);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES),
			 (uint32_t)f->guest.mmio.dev->offered.word[0]);
	assert_false(f->guest.irq);
	for (unsigned int i = 0; i < f->guest.mmio.dev->queues; i++)
		assert_false(anvil_virtqueue_enabled(&f->guest.mmio.dev->queue[i]));
}

static void every_cut_is_noticed(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	save(f);
	replace_blk(f);
	for (size_t len = 0; len < f->len; len++) {
		uint8_t *part = malloc(len ? len : 1); /* its end is where a sanitizer looks */

		memcpy(part, f->image, len);
		assert_int_equal(anvil_mmio_restore(&f->guest.mmio, part, len), -ENODATA);
		free(part);
		is_as_created(f);
	}
	/* and what has become longer */
	f->image[f->len++] = 0;
	assert_int_equal(restore(f), -EBADMSG);
	seal(f);
	assert_int_equal(restore(f), -EINVAL);
	is_as_created(f);
	/* cut, and sealed again */
	for (f->len--; f->len-- > HEADER;) {
		seal(f);
		assert_int_equal(restore(f), -EINVAL);
		is_as_created(f);
	}
}

static void every_changed_bit_is_noticed(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	save(f);
	replace_blk(f);
	for (size_t bit = 0; bit < 8 * f->len; bit++) {
		f->image[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(restore(f), 0);
		is_as_created(f);
		f->image[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(restore(f), 0);
}

/*
 * What is taken is all there is: saved again it is the same, but for what the host has changed
 * since, of which the driver is told.
 */
static void try_every_byte(struct fixture *f)
{
	static uint8_t again[IMAGE_BYTES];
	size_t len;

	for (size_t at = HEADER; at < f->len; at++) {
		for (unsigned int change = 1; change < 256; change++) {
			f->image[at] ^= (uint8_t)change;
			seal(f);
			if (restore(f) == 0) {
				assert_int_equal(
					anvil_mmio_save(&f->guest.mmio, again, sizeof(again), &len),
					0);
				if (!(guest_take_interrupts(&f->guest) & VIRTIO_INTERRUPT_CONFIG) &&
				    (len != f->len || memcmp(again, f->image, len)))
					fail_msg("byte %zu: %#x is taken as another", at,
						 f->image[at]);
				reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
			}
			f->image[at] ^= (uint8_t)change;
		}
	}
	seal(f);
	assert_int_equal(restore(f), 0);
}

static void nothing_of_a_disk_is_taken_as_something_else(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	save(f);
	replace_blk(f);
	try_every_byte(f);
}

static void nothing_of_a_card_is_taken_as_something_else(void **state)
{
	static const uint8_t tables[] = { 1, 0, 0, 0, 2, 7, 7,	  7, 7, 7,
					  1, 0, 0, 0, 1, 0, 0x5e, 1, 2, 3 };
	static const uint8_t rss[13 + 40] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 40, 9 };
	struct fixture *f = *state;

	create_net_with(f, richly());
	guest_drive(&f->guest, richly(), 3, 8);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
				 sizeof(tables)),
			 0);
	f->guest.ring[2].free = 0;
	assert_int_equal(
		command(f, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, rss, sizeof(rss)), 0);
	anvil_net_announce(&f->net);
	(void)guest_take_interrupts(&f->guest);
	save(f);
	replace_net_with(f, richly());
	try_every_byte(f);
}

static void other_versions_and_devices_are_refused(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	save(f);
	replace_blk(f);
	f->image[4]++;
	assert_int_equal(restore(f), -ENOTSUP);
	f->image[4] = 0;
	assert_int_equal(restore(f), -EBADMSG);
	f->image[4] = ANVIL_MMIO_STATE_VERSION;
	f->image[6]++;
	assert_int_equal(restore(f), -ENODEV);
	f->image[6]--;
	is_as_created(f);
	assert_int_equal(restore(f), 0);
}

/* where a number lies in the state of drive_blk's device */
#define AT_INTERRUPTS (HEADER + 16u)
#define AT_STATUS     (HEADER + 21u)
#define AT_FEATURES   (HEADER + 25u)
#define AT_QUEUES     (HEADER + 45u)
#define AT_SIZE	      (HEADER + 46u)
#define AT_DESC	      (HEADER + 50u)
#define AT_ENABLED    (HEADER + 82u)
#define AT_NEXT	      (HEADER + 83u)
#define AT_TOLD	      (HEADER + 85u)
#define AT_WRITEBACK  (HEADER + 87u)

static void states_that_cannot_be_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		unsigned int width;
	} t[] = {
		{ AT_INTERRUPTS, 4, 4 },
		{ AT_STATUS, 2, 1 },	/* a driver without acknowledgement */
		{ AT_STATUS, 7, 1 },	/* DRIVER_OK without FEATURES_OK */
		{ AT_STATUS, 0x40, 1 }, /* broken, and not live */
		{ AT_STATUS, 0x4b, 1 },
		{ AT_STATUS, 0x1f, 1 }, /* an unknown bit */
		{ AT_STATUS, 0, 1 },	/* reset, but features and queues stay */
		{ AT_STATUS, 1, 1 },
		{ AT_STATUS, 3, 1 },   /* queues before FEATURES_OK */
		{ AT_STATUS, 11, 1 },  /* chains taken before DRIVER_OK */
		{ AT_FEATURES, 0, 8 }, /* no VERSION_1 */
		{ AT_FEATURES, UINT64_MAX, 8 },
		{ AT_FEATURES + 8, 1, 8 },
		{ AT_QUEUES, 0, 1 },
		{ AT_QUEUES, 2, 1 },
		{ AT_SIZE, 3, 4 },
		{ AT_SIZE, 16, 4 },
		{ AT_SIZE, 0, 4 },
		{ AT_DESC, 8, 8 },
		{ AT_DESC, 0, 8 },
		{ AT_DESC, UINT64_MAX - 15, 8 },
		{ AT_ENABLED, 2, 1 },
		{ AT_ENABLED, 0, 1 }, /* with an index all the same */
		{ AT_TOLD, 0, 2 },    /* nobody will tell the driver */
		{ AT_TOLD, 2, 2 },
		{ AT_WRITEBACK, 2, 1 },
	};
	struct fixture *f = *state;
	uint16_t head;

	drive_blk(f);
	head = request(f, VIRTIO_BLK_T_OUT, 1, 1);
	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], head, 1);
	guest_take_interrupts(&f->guest);
	save(f);
	replace_blk(f);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint8_t good[8];
		struct anvil_state_writer w = { .bytes = f->image + t[i].at, .room = 8 };

		memcpy(good, f->image + t[i].at, sizeof(good));
		anvil_state_put(&w, t[i].value, t[i].width);
		assert_memory_not_equal(good, f->image + t[i].at, t[i].width);
		seal(f);
		assert_int_equal(restore(f), -EINVAL);
		is_as_created(f);
		memcpy(f->image + t[i].at, good, sizeof(good));
	}
	seal(f);
	assert_int_equal(restore(f), 0);
}

static void a_card_keeps_no_more_than_it_can_have(void **state)
{
	struct fixture *f = *state;
	size_t net = HEADER + 46u + 3 * 41u; /* what is a network card's own */
	static const struct {
		size_t at;
		uint8_t value;
	} t[] = {
		{ 6, 2 },		   /* an announcement that was not negotiated */
		{ 14, 0x40 },		   /* an unknown mode */
		{ 15, 65 },		   /* more addresses than a table has */
		{ 18, 1 },		   /* by far */
		{ 19, 2 },		   /* a table that is neither full nor not */
		{ 33, 2 },		   /* an offload */
		{ 41, 1 },		   /* and one of those above bit 63 */
		{ 49, 0 },		   /* no pair in use */
		{ 49, 2 },		   /* more than there are */
		{ 51, 1 },		   /* RSS */
		{ 51, 2 },     { 52, 1 },  /* a hash */
		{ 54, 1 },     { 56, 2 },  /* no mask */
		{ 56, 1 },		   /* a longer table */
		{ 56, 0xff },		   /* too long a table */
		{ 58, 1 },		   /* a queue that there is not */
		{ 60, 1 },		   /* pairs of an RSS configuration */
		{ 62, 1 },		   /* a table */
		{ 104, 1 },		   /* tunnels */
		{ 105, 2 },    { 108, 1 }, /* contexts */
		{ 108, 0x10 }, { 116, 1 }, /* coalescing of all */
		{ 128, 1 },    { 132, 1 }, /* and of one queue */
	};

	drive_net(f);
	save(f);
	replace_net(f);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint8_t good = f->image[net + t[i].at];

		f->image[net + t[i].at] = t[i].value;
		seal(f);
		assert_int_equal(restore(f), -EINVAL);
		is_as_created(f);
		f->image[net + t[i].at] = good;
	}
	seal(f);
	assert_int_equal(restore(f), 0);
}

/* Nothing comes back that the features accepted do not allow */
static void a_card_without_features_has_no_filters(void **state)
{
	static const size_t at[] = { 0 /* mac */, 14 /* modes */, 19 /* all */ };
	struct fixture *f = *state;
	size_t net = HEADER + 46u + 3 * 41u;

	create_net(f);
	guest_drive(&f->guest, features(VIRTIO_NET_F_CTRL_VQ, -1), 3, 8);
	save(f);
	replace_net(f);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		f->image[net + at[i]] ^= 1;
		seal(f);
		assert_int_equal(restore(f), -EINVAL);
		is_as_created(f);
		f->image[net + at[i]] ^= 1;
	}
	/* a VLAN: the number in front says that a word follows */
	f->image[net + 25] = 1;
	memmove(f->image + net + 41, f->image + net + 33, f->len - net - 33);
	memset(f->image + net + 33, 1, 8);
	f->len += 8;
	seal(f);
	assert_int_equal(restore(f), -EINVAL);
	is_as_created(f);
	f->len -= 8;
	memmove(f->image + net + 33, f->image + net + 41, f->len - net - 33);
	f->image[net + 25] = 0;
	seal(f);
	assert_int_equal(restore(f), 0);
}

static void a_broken_device_stays_broken(void **state)
{
	struct fixture *f = *state;

	drive_blk(f);
	ring_offer(&f->guest.ring[0], 200);
	guest_notify(&f->guest, 0);
	assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
	save(f);
	replace_blk(f);
	assert_int_equal(restore(f), 0);
	assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
}

static void the_checksum_is_the_usual_one(void **state)
{
	(void)state;
	assert_int_equal(anvil_state_checksum((const uint8_t *)"123456789", 9), 0xcbf43926);
	assert_int_equal(anvil_state_checksum(NULL, 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(a_disk_goes_on_where_it_was),
		TEST(what_was_made_available_meanwhile_is_found),
		TEST(requests_in_flight_are_not_forgotten),
		TEST(no_more_is_written_than_there_is_room),
		TEST(a_disk_that_was_resized_meanwhile_is_told),
		TEST(a_network_card_keeps_its_filters),
		TEST(the_nic_is_asked_to_go_on),
		TEST(every_cut_is_noticed),
		TEST(every_changed_bit_is_noticed),
		TEST(nothing_of_a_disk_is_taken_as_something_else),
		TEST(nothing_of_a_card_is_taken_as_something_else),
		TEST(other_versions_and_devices_are_refused),
		TEST(states_that_cannot_be_are_refused),
		TEST(a_card_keeps_no_more_than_it_can_have),
		TEST(a_card_without_features_has_no_filters),
		TEST(a_broken_device_stays_broken),
		TEST(the_checksum_is_the_usual_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
