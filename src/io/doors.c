/* SPDX-License-Identifier: Apache-2.0 */
#include "io/doors.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* 198.18.0.0/15 is for measurements between networks (RFC 2544): nobody's address. The first 256
 * are the namespace's own. The same numbers stand behind a prefix of RFC 4193 for IPv6. */
#define RESOLVER "198.18.0.1"
#define RESOLVER6 "fd73:656c:6673:616d::c612:1"
#define SELF "198.18.0.2"
#define SELF6 "fd73:656c:6673:616d::c612:2"
#define OWN_NET 0xc6120000u
#define OWN_MASK 0xffffff00u
#define PREFIX6_HIGH 0xfd73656cu
#define PROXY_PORT 3128
#define LED_PORT 3129
#define DNS_PORT 53

void io_doors_done(int doors[IO_DOORS])
{
	for (size_t i = 0; i < IO_DOORS; i++) {
		ss_closep(&doors[i]);
		doors[i] = -1;
	}
}

/* --- lo: its addresses and routes ----------------------------------------------------------------
 */

struct message {
	struct nlmsghdr head;
	union {
		struct ifaddrmsg addr;
		struct rtmsg route;
		uint8_t bytes[128];
	} u;
};

static void put(struct message *m, uint16_t type, const void *p, size_t n)
{
	struct rtattr a = { .rta_len = (uint16_t)RTA_LENGTH(n), .rta_type = type };
	uint8_t *to = (uint8_t *)m + NLMSG_ALIGN(m->head.nlmsg_len);

	memcpy(to, &a, sizeof(a));
	memcpy(to + RTA_LENGTH(0), p, n);
	m->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->head.nlmsg_len) + RTA_SPACE(n));
}

static int ask_kernel(int fd, const struct message *m, struct ss_err *err)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t rest[512];
	} got = { 0 };

	if (send(fd, m, m->head.nlmsg_len, 0) < 0 || recv(fd, &got, sizeof(got), 0) < 0)
		return ss_fail_sys(err, "netlink");
	if (got.head.nlmsg_type != NLMSG_ERROR)
		return ss_fail(err, SS_ESYS, "netlink: an answer of type %u", got.head.nlmsg_type);
	errno = -got.error.error;
	if (errno != 0 && errno != EEXIST)
		return ss_fail_sys(err, "netlink");
	return 0;
}

static size_t read_address(int family, const char *text, uint8_t ret[16])
{
	if (inet_pton(family, text, ret) != 1)
		return 0;
	return family == AF_INET ? 4 : 16;
}

static int add_address(int fd, int family, const char *text, struct ss_err *err)
{
	uint8_t a[16] = { 0 };
	const size_t n = read_address(family, text, a);
	struct message m = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(m.u.addr)),
				       .nlmsg_type = RTM_NEWADDR,
				       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
			     .u.addr = { .ifa_family = (uint8_t)family,
					 .ifa_prefixlen = (uint8_t)(8 * n),
					 .ifa_flags = IFA_F_NODAD,
					 .ifa_index = if_nametoindex("lo") } };

	put(&m, IFA_LOCAL, a, n);
	put(&m, IFA_ADDRESS, a, n);
	return ask_kernel(fd, &m, err) < 0 ? ss_ctx(err, "address %s", text) : 0;
}

/* "local default dev lo": whatever address, it is ours. */
static int add_route(int fd, int family, const char *from, struct ss_err *err)
{
	uint8_t a[16] = { 0 };
	const size_t n = read_address(family, from, a);
	const uint32_t lo = if_nametoindex("lo");
	struct message m = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(m.u.route)),
				       .nlmsg_type = RTM_NEWROUTE,
				       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
			     .u.route = { .rtm_family = (uint8_t)family,
					  .rtm_table = RT_TABLE_LOCAL,
					  .rtm_protocol = RTPROT_STATIC,
					  .rtm_scope = RT_SCOPE_HOST,
					  .rtm_type = RTN_LOCAL } };

	put(&m, RTA_OIF, &lo, sizeof(lo));
	put(&m, RTA_PREFSRC, a, n);
	return ask_kernel(fd, &m, err) < 0 ? ss_ctx(err, "the route of all addresses") : 0;
}

static int lo_up(struct ss_err *err)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "lo" };

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return ss_fail_sys(err, "lo");
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return ss_fail_sys(err, "lo");
	return 0;
}

static bool has_v6(void)
{
	AUTO_CLOSE int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in6 a = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	return fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
}

static int set_addresses(bool led, bool v6, struct ss_err *err)
{
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return ss_fail_sys(err, "netlink");
	if (add_address(fd, AF_INET, RESOLVER, err) < 0 || add_address(fd, AF_INET, SELF, err) < 0)
		return -1;
	if (led && add_route(fd, AF_INET, SELF, err) < 0)
		return -1;
	if (!led || !v6)
		return 0;
	if (add_address(fd, AF_INET6, RESOLVER6, err) < 0 ||
	    add_address(fd, AF_INET6, SELF6, err) < 0)
		return -1;
	return add_route(fd, AF_INET6, SELF6, err);
}

/* --- sockets -------------------------------------------------------------------------------------
 */

static int open_proxy(int *ret, struct ss_err *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PROXY_PORT) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, RESOLVER, &a.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, SOMAXCONN) < 0)
		return ss_fail_sys(err, "cannot listen at " IO_DOOR_PROXY_URL);
	*ret = ss_take_fd(&fd);
	return 0;
}

/* Of both families where there are two. */
static int open_any(bool v6, int type, uint16_t port, int *ret, struct ss_err *err)
{
	const struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	AUTO_CLOSE int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
	const int on = 1, off = 0;
	int bad = 0;

	if (fd < 0)
		return ss_fail_sys(err, "cannot make a socket");
	bad |= v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0;
	bad |= setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0;
	if (type == SOCK_DGRAM) {
		bad |= setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0;
		bad |= setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof(on)) < 0;
		bad |= v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0;
		bad |= v6 &&
		       setsockopt(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof(on)) < 0;
		/* Answers come from the address that was asked: here it is nobody's. */
		bad |= v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) < 0;
	}
	if (bad != 0 || (v6 ? bind(fd, (const struct sockaddr *)&a6, sizeof(a6))
			    : bind(fd, (const struct sockaddr *)&a, sizeof(a))) < 0)
		return ss_fail_sys(err, "cannot bind to port %u", port);
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
		return ss_fail_sys(err, "cannot listen");
	*ret = ss_take_fd(&fd);
	return 0;
}

/* --- the program that leads to them --------------------------------------------------------------
 */

enum label { V4, OWN, DOOR, GIVE, PASS, LABELS };

struct program {
	struct bpf_insn v[64];
	int n;
	int at[LABELS];
};

static void emit(struct program *p, unsigned code, unsigned to, unsigned from, int off, int value)
{
	assert((size_t)p->n < SS_NELEMS(p->v));
	p->v[p->n++] = (struct bpf_insn){ .code = (uint8_t)code,
					  .dst_reg = (uint8_t)(to & 15),
					  .src_reg = (uint8_t)(from & 15),
					  .off = (int16_t)off,
					  .imm = value };
}

/* A member of the context, whose address is in r6. */
static void load(struct program *p, unsigned to, size_t member)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, to, 6, (int)member, 0);
}

static void copy(struct program *p, unsigned to, unsigned from)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

static void set(struct program *p, unsigned to, int value)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

/* Labels are put in the place of distances at the end: all jumps go forward. */
static void jump(struct program *p, unsigned op, unsigned reg, uint32_t value, enum label where)
{
	emit(p, BPF_JMP32 | op | BPF_K, reg, 0, (int)where, (int)value);
}

static void here(struct program *p, enum label l)
{
	p->at[l] = p->n;
}

static void link_jumps(struct program *p)
{
	for (int i = 0; i < p->n; i++)
		if (BPF_CLASS(p->v[i].code) == BPF_JMP32)
			p->v[i].off = (int16_t)(p->at[p->v[i].off] - i - 1);
}

/*
 * r1 = the last word of the address, as IPv4 has it; r2 = the port. To 127.0.0.0/8 and ::1: pass,
 * to whoever listens. To port 53: a door. To the namespace's own addresses: pass. Else: a door.
 */
static void choose(struct program *p)
{
	load(p, 2, offsetof(struct bpf_sk_lookup, local_port));
	load(p, 1, offsetof(struct bpf_sk_lookup, local_ip4));
	load(p, 3, offsetof(struct bpf_sk_lookup, family));
	jump(p, BPF_JEQ, 3, AF_INET, V4);
	load(p, 1, offsetof(struct bpf_sk_lookup, local_ip6[3]));
	load(p, 3, offsetof(struct bpf_sk_lookup, local_ip6[0]));
	load(p, 4, offsetof(struct bpf_sk_lookup, local_ip6[1]));
	jump(p, BPF_JEQ, 3, htonl(PREFIX6_HIGH), OWN);
	emit(p, BPF_ALU | BPF_OR | BPF_X, 3, 4, 0, 0);
	load(p, 4, offsetof(struct bpf_sk_lookup, local_ip6[2]));
	emit(p, BPF_ALU | BPF_OR | BPF_X, 3, 4, 0, 0);
	jump(p, BPF_JNE, 3, 0, DOOR);
	jump(p, BPF_JEQ, 1, htonl(1), PASS);
	here(p, V4);
	copy(p, 3, 1);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 3, 0, 0, (int)htonl(0xff000000u));
	jump(p, BPF_JEQ, 3, htonl(0x7f000000u), PASS);
	here(p, OWN);
	jump(p, BPF_JEQ, 2, DNS_PORT, DOOR);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, (int)htonl(OWN_MASK));
	jump(p, BPF_JEQ, 1, htonl(OWN_NET), PASS);
	here(p, DOOR);
}

/* The map has LED, NAMES and DATAGRAMS, in this order. */
static void write_program(int map, struct program *p)
{
	copy(p, 6, 1);
	choose(p);
	set(p, 4, 0); /* IO_DOOR_LED */
	load(p, 3, offsetof(struct bpf_sk_lookup, protocol));
	jump(p, BPF_JEQ, 3, IPPROTO_TCP, GIVE);
	set(p, 4, IO_DOOR_NAMES - IO_DOOR_LED);
	jump(p, BPF_JEQ, 2, DNS_PORT, GIVE);
	set(p, 4, IO_DOOR_DATAGRAMS - IO_DOOR_LED);
	here(p, GIVE);
	emit(p, BPF_STX | BPF_MEM | BPF_W, 10, 4, -4, 0);
	copy(p, 2, 10);
	emit(p, BPF_ALU64 | BPF_ADD, 2, 0, 0, -4);
	emit(p, BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map);
	emit(p, 0, 0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 7, 0); /* to PASS */
	copy(p, 7, 0);
	copy(p, 1, 6);
	copy(p, 2, 7);
	set(p, 3, 0);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_assign);
	copy(p, 1, 7);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_release);
	here(p, PASS);
	set(p, 0, SK_PASS);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	link_jumps(p);
}

static int bpf(int cmd, const union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int make_map(const int doors[IO_DOORS], int *ret, struct ss_err *err)
{
	const union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 8, .max_entries = 3
	};
	AUTO_CLOSE int map = bpf(BPF_MAP_CREATE, &a);

	if (map < 0)
		return ss_fail_sys(err, "BPF: a map of sockets");
	for (uint32_t i = 0; i < 3; i++) {
		const uint64_t fd = (uint64_t)doors[IO_DOOR_LED + i];
		const union bpf_attr one = { .map_fd = (uint32_t)map,
					     .key = (uintptr_t)&i,
					     .value = (uintptr_t)&fd };

		if (bpf(BPF_MAP_UPDATE_ELEM, &one) < 0)
			return ss_fail_sys(err, "BPF: socket %u", i);
	}
	*ret = ss_take_fd(&map);
	return 0;
}

static int lead(const int doors[IO_DOORS], int *ret, struct ss_err *err)
{
	AUTO_CLOSE int map = -1, code = -1, ns = -1;
	struct program p = { .n = 0 };
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
			     .expected_attach_type = BPF_SK_LOOKUP,
			     .insns = (uintptr_t)p.v,
			     .license = (uintptr_t) "Apache-2.0" };
	union bpf_attr l = { .link_create = { .attach_type = BPF_SK_LOOKUP } };

	if (make_map(doors, &map, err) < 0)
		return -1;
	write_program(map, &p);
	a.insn_cnt = (uint32_t)p.n;
	code = bpf(BPF_PROG_LOAD, &a);
	if (code < 0)
		return ss_fail_sys(err, "BPF: a program of the kind sk_lookup");
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return ss_fail_sys(err, "cannot open the network namespace");
	l.link_create.prog_fd = (uint32_t)code;
	l.link_create.target_fd = (uint32_t)ns;
	*ret = bpf(BPF_LINK_CREATE, &l); /* -1 is no door */
	return *ret < 0 ? ss_fail_sys(err, "BPF: cannot lead the connections") : 0;
}

static int open_all(bool led, int d[IO_DOORS], struct ss_err *err)
{
	bool v6;

	if (lo_up(err) < 0)
		return -1;
	v6 = has_v6(); /* ::1 is there only when lo is up */
	if (set_addresses(led, v6, err) < 0 || open_proxy(&d[IO_DOOR_PROXY], err) < 0)
		return -1;
	if (!led)
		return 0;
	if (open_any(v6, SOCK_STREAM, LED_PORT, &d[IO_DOOR_LED], err) < 0 ||
	    open_any(v6, SOCK_DGRAM, DNS_PORT, &d[IO_DOOR_NAMES], err) < 0 ||
	    open_any(v6, SOCK_DGRAM, LED_PORT, &d[IO_DOOR_DATAGRAMS], err) < 0)
		return -1;
	return lead(d, &d[IO_DOOR_LINK], err);
}

int io_doors_open(bool led, int ret[IO_DOORS], struct ss_err *err)
{
	int d[IO_DOORS] = { -1, -1, -1, -1, -1 };

	if (open_all(led, d, err) < 0) {
		io_doors_done(d);
		return ss_ctx(err, "the network of a step");
	}
	memcpy(ret, d, sizeof(d));
	return 0;
}
