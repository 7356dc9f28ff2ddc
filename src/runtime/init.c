/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the enclave, started by stage0 out of ramdisk 0. Its one argument is where ramdisk 0
 * ends in what the loader brought; what follows there is ramdisk 1. One phase after the other, a
 * line on the console for each; whatever does not work ends the machine with a code. Then it is the
 * supervisor. No heap.
 */
#include "base/mem.h"
#include "runtime/boot_nsm.h"
#include "runtime/egress_net.h"
#include "runtime/heartbeat.h"
#include "runtime/own_ports.h"
#include "runtime/own_root.h"
#include "runtime/plane_net.h"
#include "runtime/privileges.h"
#include "runtime/ramdisk1.h"
#include "runtime/supervisor.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>

#define MIB (1u << 20)

static void must(int rc, enum rt_stop_code code, const struct ss_err *err)
{
	if (rc < 0)
		rt_stop(code, err);
}

static uint64_t read_offset(const char *text)
{
	struct ss_err err = { 0 };
	uint64_t v = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || v > UINT64_MAX / 16) {
			ss_err_set(&err, SS_EUSAGE, "init is not started by stage0");
			rt_stop(RT_E_SYSTEM, &err);
		}
		v = v * 10 + (uint64_t)(*p - '0');
	}
	return v;
}

static void prepare(int *ret_dataplane, int *ret_keyplane)
{
	struct ss_err err = { 0 };
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	must(rt_nice(RT_NICE_RUNTIME, &err), RT_E_SYSTEM, &err);
	must(rt_open_program("/dataplane", ret_dataplane, &err), RT_E_DATAPLANE, &err);
	must(rt_open_program("/keyplane", ret_keyplane, &err), RT_E_KEYPLANE, &err);
	must(rt_own_root(&err), RT_E_MOUNTS, &err);
	must(rt_kernel_settings(&err), RT_E_MOUNTS, &err);
	rt_output_say(RT_P_MOUNTS, "mounts ready");
}

static bool is_local(void)
{
	struct ss_err err = { 0 };
	bool local = false;

	must(rt_is_local_kernel(&local, &err), RT_E_SYSTEM, &err);
	return local;
}

static struct rt_nsm start_nsm(void)
{
	struct ss_err err = { 0 };
	struct rt_nsm n = { .fd = -1 };

	must(rt_nsm_init(&n, &err), RT_E_NSM, &err);
	if (n.fd < 0) {
		if (!is_local()) {
			ss_err_set(&err, SS_ESYS,
				   "there is no NSM, and this kernel is not the local one");
			rt_stop(RT_E_NO_NSM, &err);
		}
		rt_output_say(RT_P_NSM, "no nsm: nothing here can be attested (local kernel)");
		return n;
	}
	rt_output_say(RT_P_NSM, "nsm ready, %s, pcr0 %s", n.module_id, n.pcr0);
	must(rt_nsm_entropy(&n, &err), RT_E_ENTROPY, &err);
	rt_output_say(RT_P_ENTROPY, "random numbers seeded by the nsm");
	return n;
}

static bool beat(void)
{
	struct ss_err err = { 0 };
	bool no_vsock = false;

	if (rt_heartbeat(&no_vsock, &err) == 0) {
		rt_output_say(RT_P_HEARTBEAT, "heartbeat answered");
		return true;
	}
	if (!no_vsock || !is_local())
		rt_stop(RT_E_HEARTBEAT, &err);
	rt_output_say(RT_P_HEARTBEAT, "no vsock: nobody hears of this enclave (local kernel)");
	return false;
}

static void unpack(uint64_t at, struct rt_ramdisk1 *r)
{
	struct ss_err err = { 0 };
	enum rt_stop_code code = RT_E_RAMDISK1;

	if (rt_ramdisk1_config(at, r, &code, &err) < 0)
		rt_stop(code, &err);
	rt_output_say(RT_P_CONFIG, "config read, %u entries with %llu bytes to come",
		      r->config.entries, (unsigned long long)r->config.bytes);
	if (rt_ramdisk1_unpack(r, &code, &err) < 0)
		rt_stop(code, &err);
	rt_output_say(RT_P_UNPACKED, "image complete, %llu MiB were free before",
		      (unsigned long long)(r->available / MIB));
}

static void settle_nsm(const struct rt_nsm *n, const struct mc_config *c)
{
	struct ss_err err = { 0 };

	if (n->fd < 0)
		return;
	must(rt_nsm_policy(n, c->nsm, &err), RT_E_NSM, &err);
	rt_output_say(RT_P_NSM_POLICY, "pcr16 locked, nsm=%u", c->nsm ? 1u : 0u);
}

static void settle_clock(const struct mc_config *c, struct rt_clock *ret)
{
	struct ss_err err = { 0 };

	must(rt_clock_init(c->clock_ms, ret, &err), RT_E_CLOCK, &err);
	switch (ret->source) {
	case RT_CLOCK_HOST:
		break; /* it is asked through dataplane */
	case RT_CLOCK_KVM:
		rt_output_say(RT_P_CLOCK, "clock of the hypervisor (kvm-clock)");
		break;
	case RT_CLOCK_PTP:
		rt_output_say(RT_P_CLOCK, "clock of the hypervisor (ptp)");
	}
}

/* Returns the device, or -1. */
static int bring_network_up(const struct mc_config *c, bool has_plane)
{
	struct ss_err err = { 0 };
	int tun = -1;

	must(rt_ports_keep(c, &err), RT_E_LOOPBACK, &err);
	must(rt_loopback_up(&err), RT_E_LOOPBACK, &err);
	rt_output_say(RT_P_LOOPBACK, "loopback up");
	if (!has_plane || c->egress.n == 0)
		return -1;
	must(rt_egress_net(&tun, &err), RT_E_EGRESS, &err);
	rt_output_say(RT_P_EGRESS, "egress device up, %zu rules", c->egress.n);
	return tun;
}

static void prepare_application(struct rt_app *app, bool has_resolver)
{
	struct ss_err err = { 0 };
	bool etc = false;

	app->resolver = has_resolver ? PLANE_NET_RESOLVER4 : NULL;
	must(rt_app_prepare(app, &etc, &err), RT_E_ISOLATION, &err);
	if (app->secrets->n_files > 0 && !app->has_attest) {
		ss_err_set(
			&err, SS_EINPUT,
			"there is no place for secrets: no NSM, or the image's /run/selfsame is no "
			"directory of its own");
		rt_stop(RT_E_SECRETS, &err);
	}
	if (app->has_nsm_device && !app->has_attest)
		rt_output_say(RT_P_NOTE, "the image's /run/selfsame is no directory of its own: "
					 "there is no attest.sock");
	if (!etc)
		rt_output_say(RT_P_NOTE, "the image's /etc is no directory of its own: hosts, "
					 "hostname and resolv.conf are not written");
}

static uint64_t machine_memory(void)
{
	struct sysinfo i = { 0 };

	(void)sysinfo(&i); /* it cannot fail */
	return (uint64_t)i.totalram * i.mem_unit;
}

static void make_pair(int ret[2])
{
	struct ss_err err = { 0 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0) {
		ss_err_set_sys(&err, "cannot make a pair to the keyplane");
		rt_stop(RT_E_KEYPLANE, &err);
	}
}

/* Where there is an NSM. Returns dataplane's end of their pair, or -1. */
static int start_keyplane(const struct rt_ramdisk1 *r, int program, int nsm, int local,
			  struct rt_secrets *secrets, pid_t *ret)
{
	struct rt_key_start start = { .program = program,
				      .nsm = nsm,
				      .local = local,
				      .init = -1,
				      .config = r->config_bytes,
				      .memory = machine_memory(),
				      .least_uid = RT_ID_BASE };
	struct ss_err err = { 0 };
	int pair[2] = { -1, -1 }, own[2] = { -1, -1 };

	if (nsm >= 0) {
		make_pair(pair);
		start.pair = pair[1];
		if (secrets->n > 0)
			make_pair(own);
		start.init = own[1];
		secrets->fd = own[0];
		must(rt_key_start(&start, ret, &err), RT_E_KEYPLANE, &err);
		(void)close(pair[1]);
		if (own[1] >= 0)
			(void)close(own[1]);
		(void)close(nsm);
		(void)close(local);
	}
	(void)close(program);
	return pair[0];
}

static void start_dataplane(const struct rt_ramdisk1 *r, int program, int tun, int key,
			    struct rt_plane *ret)
{
	const struct rt_plane_start start = { .program = program,
					      .tun = tun,
					      .key = key,
					      .config = r->config_bytes,
					      .memory = machine_memory() };
	struct ss_err err = { 0 };

	must(rt_plane_start(&start, ret, &err), RT_E_DATAPLANE, &err);
	(void)close(program);
	if (tun >= 0)
		(void)close(tun);
	if (key >= 0)
		(void)close(key);
	if (r->config.logs)
		rt_output_link(ret);
}

int main(int argc, char **argv)
{
	static struct rt_ramdisk1 r;
	static struct rt_supervisor s = { .config = &r.config,
					  .app = { .config = &r.config, .secrets = &s.secrets },
					  .plane = { .fd = -1, .pid = -1 },
					  .key = -1 };
	struct rt_nsm nsm;
	bool has_plane;
	int program, key_program, tun, key, local = -1;
	struct ss_err err = { 0 };
	uint64_t at;

	at = read_offset(argc == 2 ? argv[1] : "?");
	prepare(&program, &key_program);
	nsm = start_nsm();
	has_plane = beat();
	unpack(at, &r);
	settle_nsm(&nsm, &r.config);
	settle_clock(&r.config, &s.clock);
	tun = bring_network_up(&r.config, has_plane);
	s.app.has_nsm_device = nsm.fd >= 0;
	s.app.room = r.room;
	if (nsm.fd >= 0 && has_plane)
		must(rt_attest_socket(&local, &err), RT_E_ISOLATION, &err);
	s.app.has_attest = local >= 0;
	must(rt_secrets_init(&s.secrets, &r.config, &err), RT_E_SECRETS, &err);
	prepare_application(&s.app, tun >= 0);
	key = start_keyplane(&r, key_program, has_plane ? nsm.fd : -1, local, &s.secrets, &s.key);
	if (has_plane)
		start_dataplane(&r, program, tun, key, &s.plane);
	rt_supervise(&s);
}
