/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_device.h"

#include "keyplane/kp_seccomp.h"

#include <time.h>

int kp_device_call(struct ss_span request, uint8_t *room, struct ss_span *ret, struct ss_err *err)
{
	return nsm_call(KP_NSM_FD, request, room, ret, err);
}

uint64_t kp_now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}
