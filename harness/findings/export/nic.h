
/* ---- a network interface: takes all that is sent, has frames for the guest ---- */

#define WAITING_MAX 4u

static struct anvil_net net;
static struct anvil_nic_frame waiting[WAITING_MAX];
static unsigned int waitings;
static int nic_stalled, nic_drops;

static int nic_send(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic;
	if (shows())
		printf("  device sends a frame of %zu bytes\n", (size_t)frame->len);
	return nic_stalled ? -EAGAIN : 0;
}

static void nic_receivable(struct anvil_nic *nic)
{
	while (waitings && nic->receive(nic, &waiting[0]) != -EAGAIN) {
		free((void *)waiting[0].data);
		memmove(waiting, waiting + 1, --waitings * sizeof(waiting[0]));
	}
}

static const struct anvil_nic_ops nic_ops = { nic_send, nic_receivable };
static struct anvil_nic nic = { .ops = &nic_ops };

/* A frame that begins with these bytes; the rest of it is all the same. */
HELPER void frame(const char *begins, size_t begin_len, uint32_t len,
		  struct anvil_nic_offload offload)
{
	unsigned char *data = malloc(ANVIL_NIC_FRAME_BYTES_MAX);
	struct anvil_nic_frame f = { .data = data, .len = len, .offload = offload };

	if (!data)
		abort();
	memset(data, 0x5a, ANVIL_NIC_FRAME_BYTES_MAX);
	memcpy(data, begins, begin_len);
	if (waitings == WAITING_MAX) {
		free((void *)waiting[0].data);
		memmove(waiting, waiting + 1, --waitings * sizeof(waiting[0]));
	}
	if ((waitings == 0 && nic.receive(&nic, &f) != -EAGAIN) || nic_drops)
		free(data);
	else
		waiting[waitings++] = f;
	settle();
}

HELPER void retry(void)
{
	if (waitings)
		nic.receive(&nic, &waiting[0]);
	settle();
}

HELPER void link_up(bool up)
{
	anvil_net_set_link(&net, up);
	settle();
}

HELPER void announce(void)
{
	anvil_net_announce(&net);
	settle();
}

HELPER void speed(uint32_t mbits, uint8_t duplex)
{
	anvil_net_set_speed(&net, mbits, duplex);
	settle();
}

HELPER void tell_time(uint64_t now)
{
	uint64_t next;

	(void)anvil_net_tick(&net, now, &next);
	settle();
}

HELPER void stall(int stalled)
{
	nic_stalled = stalled;
	if (!stalled)
		nic.sendable(&nic);
	settle();
}

static void destroy_device(void)
{
	while (waitings)
		free((void *)waiting[--waitings].data);
	anvil_net_destroy(&net);
}
