/* SPDX-License-Identifier: Apache-2.0 */
#include "nsm/nsm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/nsm.h>: two buffers, each address and length; the kernel writes back the second length. */
struct nsm_raw {
	struct {
		uint64_t addr;
		uint64_t len;
	} request, response;
};
#define NSM_IOCTL_RAW _IOWR(0x0a, 0x0, struct nsm_raw)
_Static_assert(NSM_IOCTL_RAW == NSM_IOCTL, "one number");

int nsm_open(int *ret, struct ss_err *err)
{
	const int fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT && errno != ENXIO && errno != ENODEV)
		return ss_fail_sys(err, "cannot open /dev/nsm");
	*ret = fd;
	return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the driver writes there */
int nsm_call(int fd, struct ss_span request, uint8_t *room, struct ss_span *ret, struct ss_err *err)
{
	struct nsm_raw raw = { .request = { (uint64_t)(uintptr_t)request.p, request.n },
			       .response = { (uint64_t)(uintptr_t)room, NSM_MAX_RESPONSE } };
	long rc;

	if (request.n > NSM_MAX_REQUEST)
		return ss_fail(err, SS_ELIMIT, "an NSM request of %zu bytes; the limit is %u",
			       request.n, NSM_MAX_REQUEST);
	do
		rc = syscall(SYS_ioctl, fd, NSM_IOCTL_RAW, &raw); /* libcs differ in its type */
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return ss_fail_sys(err, "the NSM does not answer");
	if (raw.response.len > NSM_MAX_RESPONSE)
		return ss_fail(err, SS_EINPUT, "the NSM says that it answered %llu bytes",
			       (unsigned long long)raw.response.len);
	*ret = (struct ss_span){ room, (size_t)raw.response.len };
	return 0;
}
