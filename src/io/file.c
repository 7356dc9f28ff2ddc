/* SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int io_write_all(int fd, struct ss_span s, struct ss_err *err)
{
	while (s.n > 0) {
		const ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ss_fail_sys(err, "cannot write");
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

int io_pwrite_all(int fd, uint64_t at, struct ss_span s, struct ss_err *err)
{
	while (s.n > 0) {
		const ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ss_fail_sys(err, "cannot write");
		s.p += n;
		s.n -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int io_read_full(int fd, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	size_t done = 0;

	while (done < n) {
		const ssize_t r = read(fd, p + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return ss_fail_sys(err, "cannot read");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*ret_n = done;
	return 0;
}

int io_pread_full(int fd, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	size_t done = 0;

	while (done < n) {
		const ssize_t r = pread(fd, p + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return ss_fail_sys(err, "cannot read");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*ret_n = done;
	return 0;
}

void io_writeback(int fd, uint64_t at, uint64_t n)
{
#ifdef __linux__
	(void)sync_file_range(fd, (off_t)at, (off_t)n, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd, (void)at, (void)n;
#endif
}

int io_open_file(const char *path, int *ret_fd, uint64_t *ret_size, struct ss_err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st = { 0 };

	if (fd < 0)
		return ss_fail_sys(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return ss_fail(err, SS_EINPUT, "'%s' is not a regular file", path);
	if (ret_size != NULL)
		*ret_size = (uint64_t)st.st_size;
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

int io_load_file(const char *path, struct ss_buf *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	uint8_t block[16384];
	size_t n;

	if (io_open_file(path, &fd, NULL, err) < 0)
		return -1;
	do {
		if (io_read_full(fd, block, sizeof(block), &n, err) < 0)
			return ss_ctx(err, "'%s'", path);
		ss_buf_put(ret, (struct ss_span){ block, n });
	} while (n == sizeof(block) && !ret->bad);
	return ss_buf_check(ret, path, err);
}

int io_spool_new(int *ret_fd, struct ss_err *err)
{
	const char *env = getenv("TMPDIR");
	const char *dir = env != NULL && env[0] != '\0' ? env : "/var/tmp";
	char name[4096];
	int fd = -1;

#ifdef O_TMPFILE
	fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
#endif
	if (fd < 0) {
		(void)snprintf(name, sizeof(name), "%s/selfsame-XXXXXX", dir);
		fd = mkstemp(name);
		if (fd < 0)
			return ss_fail_sys(err, "cannot make a temporary file in '%s'", dir);
		(void)unlink(name);
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	*ret_fd = fd;
	return 0;
}
