/* SPDX-License-Identifier: BSD-3-Clause */
/* A VMM gives its guest a disk. Here the guest just looks how large it is. */
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <unistd.h>
#include "disk_file.h"
#include "virtio_blk.h"
#include "virtio_mmio.h"
#include "virtio_spec.h"

static void set_irq(void *vm, bool level)
{
	(void)vm, (void)level; /* to the interrupt controller */
}

static void defer(void *vm)
{
	(void)vm; /* have the event loop call anvil_mmio_poll */
}

/* The guest touched `gpa`, which is not RAM: what a KVM_EXIT_MMIO reports. */
static void on_mmio(struct anvil_mmio *disk, uint64_t gpa, bool write, uint8_t len, uint64_t *v)
{
	uint64_t offset = gpa - 0xd0000000; /* where we put the disk's registers */

	if (offset < ANVIL_MMIO_WINDOW && write)
		anvil_mmio_write(disk, offset, len, *v);
	else if (offset < ANVIL_MMIO_WINDOW)
		*v = anvil_mmio_read(disk, offset, len);
}

int main(void)
{
	static const struct anvil_mmio_host_ops host = { .set_irq = set_irq, .defer = defer };
	alignas(4096) static uint8_t ram[1 << 20];
	struct anvil_guest_memory_region region = { .gpa = 0, .size = sizeof(ram), .host = ram };
	struct anvil_guest_memory memory;
	struct anvil_disk_file image;
	struct anvil_blk blk;
	struct anvil_mmio mmio;
	struct anvil_blk_options options = { .memory = &memory, .disk = &image.disk };
	char path[] = "/tmp/image.XXXXXX", error[256];
	uint64_t sectors = 0;

	signal(SIGXFSZ, SIG_IGN); /* a guest's write is no reason to end */
	if (ftruncate(mkstemp(path), 1 << 20) || anvil_guest_memory_init(&memory, &region, 1) ||
	    anvil_disk_file_open(&image, path, 0, error, sizeof(error)))
		return 1; /* `error` is a line for the user */
	options.queue_size_max = 128;
	options.slots = 16;		/* requests at the disk at one time ... */
	options.transfer_max = 1 << 20; /* ... of so many bytes each at most */
	options.blk_size = 512;
	options.range_sectors_max = options.range_segments_max = 1;
	anvil_features_add(&options.features, VIRTIO_BLK_F_FLUSH);
	if (anvil_blk_init(&blk, &options))
		return 1;
	anvil_mmio_init(&mmio, &blk.dev, &host, NULL);
	on_mmio(&mmio, 0xd0000000 + VIRTIO_MMIO_CONFIG, false, 4, &sectors);
	anvil_blk_destroy(&blk);
	anvil_disk_file_close(&image);
	return unlink(path) || sectors != 2048;
}
