/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of later kernels than these headers: who waits for the answer goes on on this processor. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1u
#endif

/* Room for what later kernels say more. */
union asked {
	struct seccomp_notif v;
	uint8_t room[512];
};

union told {
	struct seccomp_notif_resp v;
	uint8_t room[512];
};

static bool sizes_fit(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
	       sizes.seccomp_notif <= sizeof(union asked) &&
	       sizes.seccomp_notif_resp <= sizeof(union told);
}

/* Whoever the permissions of files do not stop sees what we see. */
static bool is_master(const struct sup_who *who)
{
	return who->uid == 0 && (who->effective >> CAP_DAC_OVERRIDE & 1) != 0;
}

unsigned sup_notify_can(const struct hm_view *v, const struct sup_who *who)
{
#ifdef __x86_64__
	if (!sizes_fit())
		return 0;
	return SUP_NOTIFY | (v->stat.set && is_master(who) ? SUP_NOTIFY_STAT : 0);
#else
	(void)v;
	(void)who;
	(void)sizes_fit;
	(void)is_master;
	return 0;
#endif
}

void sup_notify_begin(struct sup *s, int listener)
{
	s->listener = listener;
	s->proc = listener >= 0 ? open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	/* A kernel without it is as right, and slower. */
	if (listener >= 0)
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
			    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

bool sup_notify_valid(const struct sup *s)
{
	uint64_t id = s->heard;

	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* False: nobody waits for it any more. */
static bool tell(const struct sup *s, int64_t result, unsigned flags)
{
	union told r = { .room = { 0 } };

	r.v.id = s->heard;
	r.v.val = result < 0 ? 0 : result;
	r.v.error = result < 0 ? (int)result : 0;
	r.v.flags = flags;
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &r) == 0;
}

static void answer(struct sup *s, struct sup_task *t, enum sup_call call)
{
	/* What was interrupted begins again: then it has not been asked. */
	const struct sup_task was = *t;
	const struct sup_clock clock = s->clock;
	const int64_t result = sup_notify_valid(s) ? sup_call_answer(s, t, call) : 0;

	if (!tell(s, result, 0)) {
		*t = was;
		s->clock = clock;
	}
}

void sup_notify(struct sup *s)
{
	union asked a = { .room = { 0 } };
	struct sup_task *t;
	enum sup_call call;
	int64_t result = 0;

	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &a) < 0)
		return;
	s->heard = a.v.id;
	t = sup_task_find(&s->tasks, (pid_t)a.v.pid);
	if (t == NULL || t->slow == SUP_SLOW_IN) {
		(void)tell(s, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		return;
	}
	call = sup_filter_call(a.v.data.nr);
	t->ip = a.v.data.instruction_pointer;
	for (unsigned i = 0; i < 6; i++)
		t->args[i] = a.v.data.args[i];
	if (!sup_is_stat(call)) {
		answer(s, t, call);
		return;
	}
	if (sup_stat_answer(s, t, call, &result)) {
		t->slow = SUP_SLOW_NO;
		(void)tell(s, result, 0);
		return;
	}
	t->slow = SUP_SLOW_ASKED;
	(void)ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
}

bool sup_notify_again(struct sup_task *t)
{
	return t->slow == SUP_SLOW_ASKED;
}

/* Another call, of a signal's handler, runs as it would: ours is told about anew. */
bool sup_notify_enter(struct sup_task *t)
{
	enum sup_call call;
	int nr;

	if (!sup_regs_entry(t, &nr))
		return false;
	call = sup_filter_call(nr);
	if (!sup_is_stat(call))
		return false;
	t->call = call;
	t->slow = SUP_SLOW_IN;
	return true;
}
