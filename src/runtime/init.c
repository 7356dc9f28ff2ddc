/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the enclave, started by stage0 out of ramdisk 0. Its one argument is where ramdisk 0
 * ends in what the loader brought; what follows there is ramdisk 1. One phase after the other, a
 * line on the console for each; whatever does not work ends the machine with a code. No heap.
 */
#include "base/mem.h"
#include "runtime/app.h"
#include "runtime/boot_nsm.h"
#include "runtime/heartbeat.h"
#include "runtime/own_root.h"
#include "runtime/ramdisk1.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

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

static void prepare(void)
{
	struct ss_err err = { 0 };
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	must(rt_own_root(&err), RT_E_MOUNTS, &err);
	must(rt_kernel_settings(&err), RT_E_MOUNTS, &err);
	rt_say(RT_P_MOUNTS, "mounts ready");
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
		rt_say(RT_P_NSM, "no nsm: nothing here can be attested (local kernel)");
		return n;
	}
	rt_say(RT_P_NSM, "nsm ready, %s, pcr0 %s", n.module_id, n.pcr0);
	must(rt_nsm_entropy(&n, &err), RT_E_ENTROPY, &err);
	rt_say(RT_P_ENTROPY, "random numbers seeded by the nsm");
	return n;
}

static void beat(void)
{
	struct ss_err err = { 0 };
	bool no_vsock = false;

	if (rt_heartbeat(&no_vsock, &err) == 0) {
		rt_say(RT_P_HEARTBEAT, "heartbeat answered");
		return;
	}
	if (!no_vsock || !is_local())
		rt_stop(RT_E_HEARTBEAT, &err);
	rt_say(RT_P_HEARTBEAT, "no vsock: nobody hears of this enclave (local kernel)");
}

static void unpack(uint64_t at, struct rt_ramdisk1 *r)
{
	struct ss_err err = { 0 };
	enum rt_stop_code code = RT_E_RAMDISK1;

	if (rt_ramdisk1_config(at, r, &code, &err) < 0)
		rt_stop(code, &err);
	rt_say(RT_P_CONFIG, "config read, %u entries with %llu bytes to come", r->config.entries,
	       (unsigned long long)r->config.bytes);
	if (rt_ramdisk1_unpack(r, &code, &err) < 0)
		rt_stop(code, &err);
	rt_say(RT_P_UNPACKED, "image complete, %llu MiB were free before",
	       (unsigned long long)(r->available / MIB));
}

static void settle_nsm(const struct rt_nsm *n, const struct mc_config *c)
{
	struct ss_err err = { 0 };

	if (n->fd < 0)
		return;
	must(rt_nsm_policy(n, c->nsm, &err), RT_E_NSM, &err);
	rt_say(RT_P_NSM_POLICY, "pcr16 locked, nsm=%u", c->nsm ? 1u : 0u);
	(void)close(n->fd);
}

SS_NORETURN static void run_application(const struct mc_config *c, bool has_nsm)
{
	struct rt_app app = { .config = c, .has_nsm_device = has_nsm };
	struct rt_app_end end = { 0 };
	struct ss_err err = { 0 };
	int status_fd = -1;
	bool etc = false;

	must(rt_app_prepare(&app, &etc, &err), RT_E_ISOLATION, &err);
	if (!etc)
		rt_say(RT_P_NOTE, "the image's /etc is no directory of its own: hosts, hostname "
				  "and resolv.conf are not written");
	must(rt_app_start(&app, &status_fd, &err), RT_E_ISOLATION, &err);
	must(rt_app_watch(&app, status_fd, &end, &err), RT_E_LOST, &err);
	if (end.failed)
		rt_stop(end.code, &err);
	if (WIFSIGNALED(end.status))
		rt_say(RT_P_EXITED, "application killed by signal %d", WTERMSIG(end.status));
	else
		rt_say(RT_P_EXITED, "application exited %d", WEXITSTATUS(end.status));
	rt_say(RT_P_END, "end");
	rt_end();
}

int main(int argc, char **argv)
{
	static struct rt_ramdisk1 r;
	struct ss_err err = { 0 };
	struct rt_nsm nsm;
	uint64_t at;

	at = read_offset(argc == 2 ? argv[1] : "?");
	prepare();
	nsm = start_nsm();
	beat();
	unpack(at, &r);
	settle_nsm(&nsm, &r.config);
	must(rt_loopback_up(&err), RT_E_LOOPBACK, &err);
	rt_say(RT_P_LOOPBACK, "loopback up");
	run_application(&r.config, nsm.fd >= 0);
}
