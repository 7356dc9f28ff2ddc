/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/app_secret.h"

#include "base/mem.h"
#include "runtime/app.h"
#include "runtime/format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096u
#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define ON_FAULT 1u /* MLOCK_ONFAULT: pages that are never touched take no memory */
#define NEW ".new"  /* no name of a secret */

/* Whole pages. */
static struct __attribute__((aligned(PAGE))) {
	union {
		struct secret_head head;
		uint8_t bytes[SECRET_MESSAGE_MAX];
	} message;
	char entry[MC_MAX_SECRETS][MC_MAX_SECRET_NAME + 1 + MC_MAX_SECRET_ENV + 1];
} values;

static int mount_files(struct rt_secrets *s, struct ss_err *err)
{
	char options[96];

	(void)rt_format(options, sizeof(options), "mode=0555,size=%llu,nr_inodes=%u",
			(unsigned long long)(s->n_files + 1) * MC_MAX_SECRET,
			(unsigned)s->n_files + 2);
	if (mount("secrets", RT_SECRETS, "tmpfs", QUIET, options) < 0)
		return ss_fail_sys(err, "cannot mount the application's secrets");
	s->dir = open(RT_SECRETS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return ss_fail_sys(err, "cannot open the application's secrets");
	return 0;
}

int rt_secrets_init(struct rt_secrets *s, const struct mc_config *c, struct ss_err *err)
{
	struct mc_list list = c->secrets;

	*s = (struct rt_secrets){
		.fd = -1, .dir = -1, .uid = RT_ID_BASE + c->uid, .gid = RT_ID_BASE + c->gid
	};
	while (s->n < SS_NELEMS(s->all) && mc_next_secret(&list, &s->all[s->n]))
		s->n_files += s->all[s->n++].file ? 1 : 0;
	if (s->n == 0)
		return 0;
	if (syscall(SYS_mlock2, &values, sizeof(values), ON_FAULT) < 0 ||
	    madvise(&values, sizeof(values), MADV_DONTDUMP) < 0)
		return ss_fail_sys(err, "cannot lock memory for secrets");
	return s->n_files > 0 ? mount_files(s, err) : 0;
}

bool rt_secrets_lack(const struct rt_secrets *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].required && !s->is_here[i])
			return true;
	return false;
}

void rt_secrets_list(const struct rt_secrets *s, char *ret, size_t size)
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].required && !s->is_here[i] && at + 1 < size)
			at += rt_format(ret + at, size - at, "%s%.*s", at > 0 ? ", " : "",
					(int)s->all[i].name.n, (const char *)s->all[i].name.p);
}

/* --- what comes ------------------------------------------------------------------------------ */

static void put_name(char ret[MC_MAX_SECRET_NAME + 2], struct ss_span name)
{
	memcpy(ret, name.p, name.n); /* mc_read() has bounded it */
	ret[name.n] = '\0';
}

/* Whole under its name, or not there. */
static int put_file(const struct rt_secrets *s, struct ss_span name, struct ss_span value,
		    struct ss_err *err)
{
	AUTO_CLOSE int fd =
		openat(s->dir, NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	char to[MC_MAX_SECRET_NAME + 2];

	put_name(to, name);
	if (fd < 0 || (value.n > 0 && write(fd, value.p, value.n) != (ssize_t)value.n) ||
	    fchown(fd, s->uid, s->gid) < 0 || fchmod(fd, 0400) < 0 ||
	    renameat(s->dir, NEW, s->dir, to) < 0)
		return ss_fail_sys(err, "cannot write the secret %s", to);
	return 0;
}

static void put_entry(char *to, struct ss_span name, struct ss_span value)
{
	put_name(to, name);
	to[name.n] = '=';
	if (value.n > 0)
		memcpy(to + name.n + 1, value.p, value.n);
	to[name.n + 1 + value.n] = '\0';
}

static int take(struct rt_secrets *s, size_t n, const struct mc_secret **ret, struct ss_err *err)
{
	const struct secret_head h = values.message.head;
	const struct ss_span value = { values.message.bytes + sizeof(h), n - sizeof(h) };
	const struct mc_secret *one;

	if (h.index >= s->n || h.n != value.n || s->is_here[h.index])
		return ss_fail(err, SS_EINPUT, "keyplane: a secret that cannot be");
	one = &s->all[h.index];
	if (!one->file &&
	    (value.n > MC_MAX_SECRET_ENV || (value.n > 0 && memchr(value.p, 0, value.n) != NULL)))
		return ss_fail(err, SS_EINPUT, "keyplane: a secret that no variable can hold");
	if (!one->file)
		put_entry(values.entry[h.index], one->name, value);
	else if (put_file(s, one->name, value, err) < 0)
		return -1;
	s->is_here[h.index] = true;
	*ret = one;
	return 0;
}

int rt_secrets_hear(struct rt_secrets *s, const struct mc_secret **ret, struct ss_err *err)
{
	/* The whole length, if more came than fits. */
	const ssize_t n =
		recv(s->fd, &values.message, sizeof(values.message), MSG_DONTWAIT | MSG_TRUNC);
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return ss_fail_sys(err, "cannot hear the keyplane");
	if (n == 0)
		return ss_fail(err, SS_ESYS, "the keyplane has hung up");
	if ((size_t)n < sizeof(values.message.head) || (size_t)n > sizeof(values.message))
		return ss_fail(err, SS_EINPUT, "keyplane: a secret that is none");
	rc = take(s, (size_t)n, ret, err);
	explicit_bzero(&values.message, (size_t)n);
	return rc < 0 ? -1 : 1;
}

/* --- where it goes --------------------------------------------------------------------------- */

void rt_secrets_env(const struct rt_secrets *s, char **envp, size_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		const size_t name = s->all[i].name.n + 1; /* with its '=' */
		size_t k = 0;

		if (s->all[i].file || !s->is_here[i] || values.entry[i][0] == '\0')
			continue;
		while (k < n && strncmp(envp[k], values.entry[i], name) != 0)
			k++;
		envp[k] = values.entry[i];
		if (k == n)
			envp[++n] = NULL;
	}
}

void rt_secrets_forget(void)
{
	for (size_t i = 0; i < MC_MAX_SECRETS; i++)
		if (values.entry[i][0] != '\0')
			explicit_bzero(values.entry[i], sizeof(values.entry[i]));
}

void rt_secrets_drop_copy(void)
{
	(void)madvise(&values, sizeof(values), MADV_DONTNEED);
}
