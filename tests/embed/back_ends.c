/* SPDX-License-Identifier: BSD-3-Clause */
/* The back ends with a library of their own can be linked, and answer. */
#include "disk_io_uring.h"
#include "nic_slirp.h"
#include "virtio_anvil.h"

#if VIRTIO_ANVIL_VERSION_MAJOR != 1
#error "this is for version 1"
#endif

int main(void)
{
	static struct anvil_disk_io_uring disk;
	static struct anvil_nic_slirp nic;
	struct anvil_nic_slirp_options options = { 0 };
	char error[256];

	options.isolated = true;
	if (anvil_nic_slirp_open(&nic, &options, error, sizeof(error)))
		return 1;
	anvil_nic_slirp_close(&nic);
	return anvil_disk_io_uring_open(&disk, "/nowhere/image", 0, 1, error, sizeof(error)) == 0;
}
