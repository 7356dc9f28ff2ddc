/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/own_ports.h"

#include "runtime/format.h"
#include "runtime/own_root.h"

static size_t put(char *ret, size_t at, uint16_t port)
{
	return at + rt_format(ret + at, RT_PORTS_TEXT - at, "%s%u", at > 0 ? "," : "", port);
}

void rt_ports_put(const struct mc_config *c, char ret[RT_PORTS_TEXT])
{
	struct mc_list list = c->ingress;
	struct mc_ingress one;
	size_t at = 0;

	ret[0] = '\0';
	while (mc_next_ingress(&list, &one))
		at = put(ret, at, one.to);
	if (c->health.check != MC_CHECK_NONE)
		(void)put(ret, at, c->health.port);
}

int rt_ports_keep(const struct mc_config *c, struct ss_err *err)
{
	char text[RT_PORTS_TEXT];

	rt_ports_put(c, text);
	if (text[0] == '\0')
		return 0;
	return rt_put_setting("/proc/sys/net/ipv4/ip_local_reserved_ports", text, err);
}
