/* SPDX-License-Identifier: Apache-2.0 */
#include "io/lock.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

int io_lock_dir(const char *dir, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return ss_fail_sys(err, "cannot open folder '%s'", dir);
	do
		rc = flock(fd, LOCK_EX);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return ss_fail_sys(err, "cannot lock folder '%s'", dir);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}
