/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_keys.h"

#include "base/mem.h"
#include "crypto/recipient.h"
#include "keyplane/kp_recipient.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FD 3 /* of the pair, in the child */

struct message {
	struct kp_keys_head head;
	uint8_t text[KP_KEYS_MAX_TEXT];
};

int kp_keys_part(int *ret_fd, bool *ret_is_child, struct ss_err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ss_fail_sys(err, "cannot make a pair for the keys of KMS");
	pid = fork();
	if (pid < 0)
		return ss_fail_sys(err, "cannot part off the keys of KMS");
	*ret_is_child = pid == 0;
	if (pid > 0) {
		(void)close(pair[1]);
		*ret_fd = pair[0];
		return 0;
	}
	if ((pair[1] != FD && dup2(pair[1], FD) < 0) ||
	    syscall(SYS_close_range, FD + 1, ~0u, 0) < 0)
		return ss_fail_sys(err, "cannot part off the keys of KMS");
	*ret_fd = FD;
	return 0;
}

static void make_key(struct kp_recipients *all, struct message *m)
{
	struct ss_err ignored = { 0 };

	m->head.what = KP_KEYS_FAILED;
	m->head.n = 0;
	if (kp_recipient_new(all, m->text, m->head.key, &ignored) < 0)
		return;
	m->head.what = KP_KEYS_DONE;
	m->head.n = CRYPTO_RECIPIENT_SPKI;
}

static void unwrap(const struct kp_recipients *all, struct message *m)
{
	struct ss_buf plain = SS_BUF_INIT(CMS_MAX_MESSAGE);
	struct ss_err ignored = { 0 };
	const struct ss_span text = { m->text, m->head.n };

	m->head.what = kp_recipient_unwrap(all, m->head.key, text, &plain, &ignored) < 0
			       ? KP_KEYS_FAILED
			       : KP_KEYS_DONE;
	m->head.n = m->head.what == KP_KEYS_DONE ? (uint32_t)plain.n : 0;
	if (m->head.n > 0)
		memcpy(m->text, plain.p, plain.n);
	if (plain.p != NULL)
		explicit_bzero(plain.p, plain.cap);
	ss_buf_done(&plain);
}

void kp_keys_serve(int fd)
{
	static struct kp_recipients all;
	static struct message m;

	for (;;) {
		const ssize_t n = recv(fd, &m, sizeof(m), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)sizeof(m.head) || m.head.n != (size_t)n - sizeof(m.head))
			_exit(0); /* keyplane has ended */
		if (m.head.what == KP_KEYS_NEW)
			make_key(&all, &m);
		else
			unwrap(&all, &m);
		if (send(fd, &m, sizeof(m.head) + m.head.n, MSG_NOSIGNAL) < 0)
			_exit(0);
		explicit_bzero(m.text, sizeof(m.text));
	}
}
