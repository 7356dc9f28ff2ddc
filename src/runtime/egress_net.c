/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/egress_net.h"

#include "base/mem.h"
#include "runtime/kernel_abi.h"
#include "runtime/own_root.h"
#include "runtime/plane_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CONF6 "/proc/sys/net/ipv6/conf/" PLANE_NET_DEVICE "/"

/* linux/ipv6.h and linux/ipv6_route.h */
struct address6 {
	struct in6_addr address;
	uint32_t bits;
	int index;
};
struct route6 {
	struct in6_addr to, from, gateway;
	uint32_t type;
	uint16_t to_bits, from_bits;
	uint32_t metric;
	unsigned long info;
	uint32_t flags;
	int index;
};

static struct ifreq request(void)
{
	return (struct ifreq){ .ifr_name = PLANE_NET_DEVICE };
}

static int make_device(int *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq r = request();

	if (fd < 0)
		return ss_fail_sys(err, "cannot open /dev/net/tun");
	r.ifr_flags = RT_IFF_TUN | RT_IFF_NO_PI;
	if (ioctl(fd, RT_TUNSETIFF, &r) < 0)
		return ss_fail_sys(err, "cannot make the device");
	*ret = ss_take_fd(&fd);
	return 0;
}

/* Nobody else is on this link: nothing to be asked, advertised or made up. */
static int quiet_ipv6(struct ss_err *err)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		{ CONF6 "accept_ra", "0" },
		{ CONF6 "autoconf", "0" },
		{ CONF6 "router_solicitations", "0" },
		{ CONF6 "addr_gen_mode", "1" }, /* no link-local address */
	};

	for (size_t i = 0; i < SS_NELEMS(settings); i++)
		if (rt_put_setting(settings[i].path, settings[i].value, err) < 0)
			return -1;
	return 0;
}

static void put_ipv4(struct sockaddr *ret, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	(void)inet_pton(AF_INET, text, &a.sin_addr);
	memcpy(ret, &a, sizeof(a));
}

static int set_ipv4(int s, struct ss_err *err)
{
	struct ifreq r = request();
	struct rtentry route = { .rt_flags = RTF_UP };
	char device[] = PLANE_NET_DEVICE;

	put_ipv4(&r.ifr_addr, PLANE_NET_OWN4);
	if (ioctl(s, SIOCSIFADDR, &r) < 0)
		return ss_fail_sys(err, "cannot set its IPv4 address");
	put_ipv4(&r.ifr_netmask, "255.255.255.255");
	if (ioctl(s, SIOCSIFNETMASK, &r) < 0)
		return ss_fail_sys(err, "cannot set its IPv4 mask");
	r.ifr_mtu = PLANE_NET_MTU;
	if (ioctl(s, SIOCSIFMTU, &r) < 0)
		return ss_fail_sys(err, "cannot set its MTU");
	if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
		return ss_fail_sys(err, "cannot bring it up");
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		return ss_fail_sys(err, "cannot bring it up");
	put_ipv4(&route.rt_dst, "0.0.0.0");
	put_ipv4(&route.rt_genmask, "0.0.0.0");
	route.rt_dev = device;
	if (ioctl(s, SIOCADDRT, &route) < 0)
		return ss_fail_sys(err, "cannot set the IPv4 route");
	return 0;
}

static int set_ipv6(int s, struct ss_err *err)
{
	struct ifreq r = request();
	struct address6 a = { .bits = 128 };
	struct route6 route = { .flags = RTF_UP, .metric = 1 };

	if (ioctl(s, SIOCGIFINDEX, &r) < 0)
		return ss_fail_sys(err, "cannot find it");
	a.index = route.index = r.ifr_ifindex;
	(void)inet_pton(AF_INET6, PLANE_NET_OWN6, &a.address);
	if (ioctl(s, SIOCSIFADDR, &a) < 0)
		return ss_fail_sys(err, "cannot set its IPv6 address");
	if (ioctl(s, SIOCADDRT, &route) < 0)
		return ss_fail_sys(err, "cannot set the IPv6 route");
	return 0;
}

static int configure(struct ss_err *err)
{
	AUTO_CLOSE int s4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int s6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s4 < 0 || s6 < 0)
		return ss_fail_sys(err, "cannot open a socket");
	if (quiet_ipv6(err) < 0 || set_ipv4(s4, err) < 0 || set_ipv6(s6, err) < 0)
		return -1;
	return 0;
}

int rt_egress_net(int *ret_tun, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;

	if (make_device(&fd, err) < 0 || configure(err) < 0)
		return ss_ctx(err, "the device '" PLANE_NET_DEVICE "'");
	*ret_tun = ss_take_fd(&fd);
	return 0;
}
