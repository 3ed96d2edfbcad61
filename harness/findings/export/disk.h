
/* ---- a disk in memory: completes at once, or when told to ---- */

#define SECTORS	    128u /* what a larger disk has behind these is not kept: it reads as zeroes */
#define PENDING_MAX 300u

static struct anvil_blk blk;
static unsigned char *content;
static struct anvil_disk_request *pending[PENDING_MAX];
static unsigned int pendings, disk_requests;
static int disk_deferred, cancel_late;
static unsigned int fail_every;
static const struct anvil_disk_ops disk_ops;
static struct anvil_disk disk = { .ops = &disk_ops };

static void carry_out(struct anvil_disk_request *r)
{
	size_t len = (size_t)r->sectors * ANVIL_DISK_SECTOR_BYTES;
	bool kept = r->sectors <= SECTORS && r->sector <= SECTORS - r->sectors;

	if (!kept && r->op == ANVIL_DISK_READ && r->sectors <= SECTORS)
		memset(r->data, 0, len);
	if (r->sectors > disk.capacity || r->sector > disk.capacity - r->sectors)
		printf("the device asks for %llu sectors at %llu\n", (unsigned long long)r->sectors,
		       (unsigned long long)r->sector);
	else if (!kept)
		return;
	else if (r->op == ANVIL_DISK_READ)
		memcpy(r->data, content + r->sector * ANVIL_DISK_SECTOR_BYTES, len);
	else if (r->op == ANVIL_DISK_WRITE)
		memcpy(content + r->sector * ANVIL_DISK_SECTOR_BYTES, r->data, len);
	else if (r->op != ANVIL_DISK_FLUSH)
		memset(content + r->sector * ANVIL_DISK_SECTOR_BYTES, 0, len);
}

static void finish(struct anvil_disk_request *r, int result)
{
	if (fail_every && ++disk_requests % fail_every == 0)
		result = -EIO;
	if (!result || result == -ETIMEDOUT) /* carried out, and nobody hears of it */
		carry_out(r);
	r->done(r, result);
}

static void complete_one(unsigned int which, int result)
{
	struct anvil_disk_request *r;

	if (pendings == 0)
		return;
	which %= pendings;
	r = pending[which];
	for (pendings--; which < pendings; which++)
		pending[which] = pending[which + 1];
	finish(r, result);
}

static void disk_submit(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	static const char *const op[] = {
		[ANVIL_DISK_READ] = "read",	     [ANVIL_DISK_WRITE] = "write",
		[ANVIL_DISK_FLUSH] = "flush",	     [ANVIL_DISK_DISCARD] = "discard",
		[ANVIL_DISK_WRITE_ZEROES] = "clear", [ANVIL_DISK_SECURE_ERASE] = "erase",
		[ANVIL_DISK_ZONE_APPEND] = "append",
	};
	bool named = r->op < sizeof(op) / sizeof(op[0]);

	(void)disk;
	show_request(named ? op[r->op] : "something of zones,", r->sectors, r->sector);
	if (!disk_deferred || pendings == PENDING_MAX) {
		finish(r, 0);
		return;
	}
	pending[pendings++] = r;
}

static void disk_cancel(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	(void)disk;
	for (unsigned int i = 0; i < pendings; i++) {
		if (pending[i] != r)
			continue;
		if (!cancel_late)
			complete_one(i, -ECANCELED);
		return;
	}
}

static const struct anvil_disk_ops disk_ops = { disk_submit, disk_cancel };

HELPER void complete(unsigned int which, int result)
{
	complete_one(which, result);
	settle();
}

HELPER void resize(uint64_t sectors)
{
	disk.capacity = sectors;
	anvil_blk_resized(&blk);
	settle();
}

static void create_disk(uint64_t sectors, bool read_only)
{
	disk.capacity = sectors;
	disk.read_only = read_only;
	memcpy(disk.id, "virtio-anvil-disk-01", sizeof(disk.id));
	content = malloc((size_t)SECTORS * ANVIL_DISK_SECTOR_BYTES);
	if (!content)
		abort();
	for (unsigned int i = 0; i < SECTORS; i++)
		memset(content + i * ANVIL_DISK_SECTOR_BYTES, (int)(0x80 | i),
		       ANVIL_DISK_SECTOR_BYTES);
}

/* The reset is complete when the disk has nothing of it any more. */
static void destroy_device(void)
{
	anvil_mmio_write(&mmio, VIRTIO_MMIO_STATUS, 4, 0);
	while (pendings)
		complete(0, -ECANCELED);
	anvil_blk_destroy(&blk);
	free(content);
}
