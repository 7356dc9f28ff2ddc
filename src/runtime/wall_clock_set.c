/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/wall_clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define SECOND 1000000000
#define SOURCES "/sys/devices/system/clocksource/clocksource0/available_clocksource"
#define PTP_NAME "/sys/class/ptp/ptp0/clock_name"
#define PTP_DEVICE "/dev/ptp0"
#define PTP_OF_KVM "KVM virtual PTP"

static bool file_has(const char *path, const char *word)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[256];
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return n > 0 && memmem(text, (size_t)n, word, strlen(word)) != NULL;
}

static uint64_t read_clock(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t); /* of these two: cannot fail */
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

struct rt_clock_now rt_clock_now(void)
{
	return (struct rt_clock_now){ .real = read_clock(CLOCK_REALTIME),
				      .raw = read_clock(CLOCK_MONOTONIC_RAW) };
}

int rt_clock_set(uint64_t real_ns, struct ss_err *err)
{
	const struct timespec t = { .tv_sec = (time_t)(real_ns / SECOND),
				    .tv_nsec = (long)(real_ns % SECOND) };

	if (clock_settime(CLOCK_REALTIME, &t) < 0)
		return ss_fail_sys(err, "cannot set the clock");
	return 0;
}

/* The kernel's adjtime(): 500 millionths faster or slower until it is done; a new offset replaces
 * what is left of the last one. */
int rt_clock_slew(int64_t offset_ns, struct ss_err *err)
{
	struct timex t = { .modes = ADJ_OFFSET_SINGLESHOT, .offset = offset_ns / 1000 };

	if (clock_adjtime(CLOCK_REALTIME, &t) < 0)
		return ss_fail_sys(err, "cannot slew the clock");
	return 0;
}

/* How far the device's time is from the clock's, the clock being read before and after. */
static int ptp_offset(const struct rt_clock *c, int64_t *ret_ns, struct ss_err *err)
{
	const clockid_t id = (clockid_t)((~(unsigned)c->ptp << 3) | 3u); /* FD_TO_CLOCKID */
	const uint64_t before = read_clock(CLOCK_REALTIME);
	struct timespec t;
	uint64_t after;

	if (clock_gettime(id, &t) < 0)
		return ss_fail_sys(err, "cannot read " PTP_DEVICE);
	after = read_clock(CLOCK_REALTIME);
	*ret_ns = (int64_t)t.tv_sec * SECOND + t.tv_nsec - (int64_t)(before / 2 + after / 2);
	return 0;
}

int rt_clock_follow_ptp(const struct rt_clock *c, int64_t *ret_ns, bool *ret_refused,
			struct ss_err *err)
{
	const int64_t bound = (int64_t)RT_CLOCK_PTP_BOUND_MS * (SECOND / 1000);

	if (ptp_offset(c, ret_ns, err) < 0)
		return -1;
	*ret_refused = *ret_ns > bound || *ret_ns < -bound;
	return *ret_refused ? 0 : rt_clock_slew(*ret_ns, err);
}

int rt_clock_init(uint32_t bound_ms, struct rt_clock *ret, struct ss_err *err)
{
	struct rt_clock c = { .source = RT_CLOCK_HOST, .ptp = -1, .bound_ms = bound_ms };
	int64_t offset;

	if (file_has(SOURCES, "kvm-clock"))
		c.source = RT_CLOCK_KVM;
	if (file_has(PTP_NAME, PTP_OF_KVM) &&
	    (c.ptp = open(PTP_DEVICE, O_RDONLY | O_CLOEXEC)) >= 0) {
		c.source = RT_CLOCK_PTP;
		if (ptp_offset(&c, &offset, err) < 0 ||
		    rt_clock_set(read_clock(CLOCK_REALTIME) + (uint64_t)offset, err) < 0)
			return -1;
	}
	*ret = c;
	return 0;
}
