/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>

/* clang-format off */
static const dp_handler handlers[DP_K_LAST + 1] = {
	[DP_K_LINK] = dp_link_event,
	[DP_K_CONTROL_CALL] = dp_control_call_event,
	[DP_K_CONTROL] = dp_control_event,
	[DP_K_INGRESS_CALL] = dp_ingress_call_event,
	[DP_K_INGRESS] = dp_ingress_event,
	[DP_K_HEALTH] = dp_health_event,
	[DP_K_TUN] = dp_tun_event,
	[DP_K_TCP_CALL] = dp_tcp_call_event,
	[DP_K_TCP] = dp_tcp_event,
	[DP_K_UDP] = dp_udp_event,
	[DP_K_DNS] = dp_resolver_event,
	[DP_K_KEY] = dp_key_event,
};
/* clang-format on */

/* How many descriptors there may be, up to what is asked for. */
static int raise_files(uint32_t *ret, struct ss_err *err)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return ss_fail_sys(err, "RLIMIT_NOFILE");
	r.rlim_cur = r.rlim_max < DP_FILES ? r.rlim_max : DP_FILES;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		return ss_fail_sys(err, "RLIMIT_NOFILE");
	*ret = (uint32_t)r.rlim_cur;
	if (*ret < 2 * DP_FILES_REST)
		return ss_fail(err, SS_ELIMIT, "%u descriptors are too few", *ret);
	return 0;
}

/* The part of `n` that the descriptors allow. */
static uint32_t share(uint32_t n, uint32_t files)
{
	return (uint32_t)((uint64_t)n * (files - DP_FILES_REST) / (DP_FILES - DP_FILES_REST));
}

static int start_egress(struct dp *d, int tun, uint32_t files, struct ss_err *err)
{
	uint64_t seeds[3];

	if (getrandom(seeds, sizeof(seeds), 0) != (ssize_t)sizeof(seeds))
		return ss_fail_sys(err, "no random bytes");
	dp_names_init(&d->names, seeds[0]);
	dp_resolver_init(d);
	dp_udp_init(d, share(DP_MAX_UDP, files), seeds[1]);
	dp_tcp_init(d, share(DP_MAX_TCP, files), seeds[2]);
	if (dp_policy_read(d->config.egress, &d->policy, err) < 0 || dp_tcp_listen(d, err) < 0)
		return -1;
	return dp_tun_init(d, tun, err);
}

int dp_start(struct dp *d, const struct dp_start *s, struct ss_err *err)
{
	uint32_t files;

	/* A stream that the peer closed says so by an errno. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return ss_fail_sys(err, "SIGPIPE");
	if (mc_read(s->config, &d->config, err) < 0)
		return ss_ctx(err, "the measured config");
	d->memory = s->memory;
	d->tun.w.fd = -1;
	if (raise_files(&files, err) < 0 || dp_loop_init(&d->loop, d, handlers, err) < 0 ||
	    dp_pipes_init(&d->pipes, (uint16_t)share(DP_PIPES, files), err) < 0)
		return -1;
	dp_health_init(d);
	if (dp_link_init(d, s->link, err) < 0 || dp_key_init(d, s->key, err) < 0 ||
	    dp_control_init(d, err) < 0 || dp_ingress_init(d, share(DP_MAX_CONNS, files), err) < 0)
		return -1;
	return s->tun < 0 ? 0 : start_egress(d, s->tun, files, err);
}

int dp_run(struct dp *d, struct ss_err *err)
{
	dp_link_ready(d);
	while (dp_loop_round(&d->loop, err) == 0)
		continue;
	return -1;
}
