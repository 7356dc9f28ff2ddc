/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/etc_files.h"

#include "base/mem.h"
#include "runtime/format.h"
#include "runtime/kernel_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char hosts[] = "127.0.0.1 localhost " RT_HOSTNAME "\n"
			    "::1 localhost ip6-localhost ip6-loopback " RT_HOSTNAME "\n";

/* A directory of this root and no other: no link is followed. */
static int open_etc(int root)
{
	struct rt_open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				   .resolve = RT_RESOLVE_BENEATH | RT_RESOLVE_NO_SYMLINKS |
					      RT_RESOLVE_NO_MAGICLINKS | RT_RESOLVE_NO_XDEV };

	return (int)syscall(RT_SYS_OPENAT2, root, "etc", &how, sizeof(how));
}

static int make_etc(int root, struct ss_err *err)
{
	struct stat st;

	if (fstat(root, &st) < 0)
		return ss_fail_sys(err, "cannot look at the image's root");
	if (mkdirat(root, "etc", 0755) < 0)
		return errno == EEXIST ? 0 : ss_fail_sys(err, "cannot make /etc in the image");
	if (futimens(root, (const struct timespec[]){ st.st_mtim, st.st_mtim }) < 0 ||
	    utimensat(root, "etc", (const struct timespec[]){ st.st_mtim, st.st_mtim },
		      AT_SYMLINK_NOFOLLOW) < 0)
		return ss_fail_sys(err, "cannot set the time of the image's /etc");
	return 0;
}

static int put_file(int etc, const char *name, const char *text, const struct timespec times[2],
		    struct ss_err *err)
{
	const size_t n = strlen(text);
	AUTO_CLOSE int fd = -1;

	if (unlinkat(etc, name, 0) < 0 && errno != ENOENT)
		return ss_fail_sys(err, "cannot replace /etc/%s of the image", name);
	fd = openat(etc, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* An access list that /etc gives to what is made in it changes the mode, so it is set. */
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, 0644) < 0 ||
	    futimens(fd, times) < 0)
		return ss_fail_sys(err, "cannot write /etc/%s", name);
	return 0;
}

static int put_files(int etc, const char *resolver, struct ss_err *err)
{
	char resolv[96] = "# no name can be asked for: [egress] allows none\n";
	struct timespec times[2];
	struct stat st;

	if (fstat(etc, &st) < 0)
		return ss_fail_sys(err, "cannot look at the image's /etc");
	times[0] = times[1] = st.st_mtim;
	if (resolver != NULL)
		(void)rt_format(resolv, sizeof(resolv), "nameserver %s\n", resolver);
	if (put_file(etc, "hostname", RT_HOSTNAME "\n", times, err) < 0 ||
	    put_file(etc, "hosts", hosts, times, err) < 0 ||
	    put_file(etc, "resolv.conf", resolv, times, err) < 0)
		return -1;
	if (futimens(etc, times) < 0)
		return ss_fail_sys(err, "cannot set the time of the image's /etc");
	return 0;
}

int rt_etc_write(int root, const char *resolver, bool *ret_written, struct ss_err *err)
{
	AUTO_CLOSE int etc = -1;

	if (make_etc(root, err) < 0)
		return -1;
	etc = open_etc(root);
	*ret_written = etc >= 0;
	if (etc < 0 && (errno == ELOOP || errno == ENOTDIR))
		return 0;
	if (etc < 0)
		return ss_fail_sys(err, "cannot open the image's /etc");
	return put_files(etc, resolver, err);
}
