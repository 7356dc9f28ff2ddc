/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the clock comes from: which clock sources the kernel has, a PTP device, and what is done to
 * the system's clock. No machine here has a hypervisor's clock, so the linker puts the functions
 * below in the place of the C library's (--wrap): the paths and times are the test's.
 */
#include "base/mem.h"
#include "expect.h"
#include "runtime/wall_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)
#define NOW (INT64_C(1800000000) * S) /* 2027 */
#define SOURCES "/sys/devices/system/clocksource/clocksource0/available_clocksource"
#define NAME "/sys/class/ptp/ptp0/clock_name"
#define DEVICE "/dev/ptp0"

/* The machine: NULL where there is no such file. */
static struct {
	const char *sources, *name;
	bool has_device;
	int get_errno, set_errno, adjust_errno;
	int64_t real, ptp, step; /* each look at `real` takes so long */
	int device;
	/* What was done to it. */
	unsigned n_set, n_adjusted;
	int64_t set_to, adjusted_us;
} machine;

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_settime(clockid_t id, const struct timespec *t);
int __wrap_clock_adjtime(clockid_t id, struct timex *t);

static int file_of(const char *text)
{
	const int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

int __wrap_open64(const char *path, int flags, ...)
{
	const char *text = strcmp(path, SOURCES) == 0  ? machine.sources
			   : strcmp(path, NAME) == 0   ? machine.name
			   : strcmp(path, DEVICE) == 0 ? (machine.has_device ? "" : NULL)
						       : "?";

	if (text != NULL && text[0] == '?')
		return __real_open64(path, flags, 0); /* a sanitizer's own */
	assert_int_equal(flags, O_RDONLY | O_CLOEXEC);
	if (text == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (strcmp(path, DEVICE) != 0)
		return file_of(text);
	machine.device = file_of(text);
	return machine.device;
}

static int outcome(int why)
{
	errno = why;
	return why == 0 ? 0 : -1;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t ns = machine.ptp;

	if (id == CLOCK_REALTIME) {
		ns = machine.real;
		machine.real += machine.step;
		machine.ptp += machine.step;
	} else {
		/* The kernel's FD_TO_CLOCKID. */
		assert_int_equal(id, (int)(~(unsigned)machine.device << 3 | 3u));
		if (machine.get_errno != 0)
			return outcome(machine.get_errno);
	}
	*ret = (struct timespec){ .tv_sec = ns / S, .tv_nsec = ns % S };
	return 0;
}

int __wrap_clock_settime(clockid_t id, const struct timespec *t)
{
	assert_int_equal(id, CLOCK_REALTIME);
	machine.n_set++;
	machine.set_to = t->tv_sec * S + t->tv_nsec;
	return outcome(machine.set_errno);
}

int __wrap_clock_adjtime(clockid_t id, struct timex *t)
{
	assert_int_equal(id, CLOCK_REALTIME);
	assert_int_equal(t->modes, ADJ_OFFSET_SINGLESHOT);
	machine.n_adjusted++;
	machine.adjusted_us = t->offset;
	return outcome(machine.adjust_errno);
}

static int setup(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.sources = "tsc hpet acpi_pm \n";
	machine.real = 3 * S;
	machine.ptp = NOW;
	machine.device = -1;
	return 0;
}

static struct rt_clock found(void)
{
	struct rt_clock c = { 0 };
	struct ss_err err = { 0 };

	expect_ok(rt_clock_init(700, &c, &err), &err);
	assert_int_equal(c.bound_ms, 700);
	assert_false(c.taken || c.started);
	return c;
}

static void a_machine_without_one_asks_the_host(void **state)
{
	struct rt_clock c = found();

	(void)state;
	assert_int_equal(c.source, RT_CLOCK_HOST);
	assert_int_equal(c.ptp, -1);
	machine.sources = NULL; /* not even the list */
	c = found();
	assert_int_equal(c.source, RT_CLOCK_HOST);
	assert_int_equal(machine.n_set, 0);
}

static void kvm_clock_is_found_wherever_it_stands_in_the_list(void **state)
{
	static const char *const lists[] = { "kvm-clock \n", "tsc kvm-clock \n",
					     "kvm-clock tsc acpi_pm \n" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(lists); i++) {
		machine.sources = lists[i];
		assert_int_equal(found().source, RT_CLOCK_KVM);
	}
	assert_int_equal(machine.n_set, 0); /* the kernel has done it */
}

static void the_clock_is_set_by_kvms_ptp(void **state)
{
	struct rt_clock c;

	(void)state;
	machine.sources = "kvm-clock tsc \n";
	machine.name = "KVM virtual PTP\n";
	machine.has_device = true;
	c = found();
	assert_int_equal(c.source, RT_CLOCK_PTP);
	assert_int_equal(c.ptp, machine.device);
	assert_int_equal(machine.n_set, 1);
	assert_int_equal(machine.set_to, NOW);
	assert_int_equal(machine.n_adjusted, 0);
	(void)close(c.ptp);
}

/* What stands between the two looks at the clock is half before the device's and half after. */
static void a_slow_look_at_the_device_is_made_up_for(void **state)
{
	struct rt_clock c;

	(void)state;
	machine.name = "KVM virtual PTP\n";
	machine.has_device = true;
	machine.step = 10 * MS;
	c = found();
	/* Read at 3 s, then the device 10 ms later, then at 3.010 s, then to be set at 3.020 s. */
	assert_int_equal(machine.set_to, NOW + 25 * MS);
	(void)close(c.ptp);
}

static void another_ptp_device_is_not_the_hypervisors(void **state)
{
	(void)state;
	machine.name = "ptp_vmw\n";
	machine.has_device = true;
	assert_int_equal(found().source, RT_CLOCK_HOST);
	machine.sources = "kvm-clock \n";
	assert_int_equal(found().source, RT_CLOCK_KVM);
	machine.name = "KVM virtual PTP\n";
	machine.has_device = false; /* only its name */
	assert_int_equal(found().source, RT_CLOCK_KVM);
	assert_int_equal(machine.device, -1);
	assert_int_equal(machine.n_set, 0);
}

static void a_device_that_cannot_be_read_stops_the_enclave(void **state)
{
	struct rt_clock c = { .bound_ms = 1 };
	struct ss_err err = { 0 };

	(void)state;
	machine.name = "KVM virtual PTP\n";
	machine.has_device = true;
	machine.get_errno = EOPNOTSUPP;
	expect_fails(rt_clock_init(700, &c, &err), &err, SS_ESYS,
		     "cannot read /dev/ptp0: Operation not supported");
	assert_int_equal(c.bound_ms, 1);
	(void)close(machine.device);
	machine.get_errno = 0;
	machine.set_errno = EPERM;
	expect_fails(rt_clock_init(700, &c, &err), &err, SS_ESYS,
		     "cannot set the clock: Operation not permitted");
	(void)close(machine.device);
}

static void the_device_is_followed_within_its_bound(void **state)
{
	static const struct {
		int64_t away;
		bool refused;
	} cases[] = {
		{ 0, false },
		{ 1500 * MS, false },
		{ -1500 * MS, false },
		{ RT_CLOCK_PTP_BOUND_MS * MS, false },
		{ -(int64_t)RT_CLOCK_PTP_BOUND_MS * MS, false },
		{ RT_CLOCK_PTP_BOUND_MS * MS + 1, true },
		{ -(int64_t)RT_CLOCK_PTP_BOUND_MS * MS - 1, true },
		{ INT64_C(100) * 365 * 86400 * S, true },
	};
	struct rt_clock c;

	(void)state;
	machine.name = "KVM virtual PTP\n";
	machine.has_device = true;
	c = found();
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ss_err err = { 0 };
		bool refused = !cases[i].refused;
		int64_t away = 1;

		machine.real = NOW;
		machine.ptp = NOW + cases[i].away;
		machine.n_adjusted = 0;
		machine.adjusted_us = 1;
		expect_ok(rt_clock_follow_ptp(&c, &away, &refused, &err), &err);
		assert_int_equal(away, cases[i].away);
		assert_int_equal(refused, cases[i].refused);
		assert_int_equal(machine.n_adjusted, !refused);
		assert_int_equal(machine.adjusted_us, refused ? 1 : away / 1000);
	}
	assert_int_equal(machine.n_set, 1); /* at the start, and never again */
	(void)close(c.ptp);
}

static void a_device_that_breaks_later_is_said(void **state)
{
	struct ss_err err = { 0 };
	struct rt_clock c;
	bool refused = true;
	int64_t away = 77;

	(void)state;
	machine.name = "KVM virtual PTP\n";
	machine.has_device = true;
	c = found();
	machine.real = machine.ptp;
	machine.get_errno = EIO;
	expect_fails(rt_clock_follow_ptp(&c, &away, &refused, &err), &err, SS_ESYS,
		     "cannot read /dev/ptp0: Input/output error");
	machine.get_errno = 0;
	machine.adjust_errno = EPERM;
	expect_fails(rt_clock_follow_ptp(&c, &away, &refused, &err), &err, SS_ESYS,
		     "cannot slew the clock: Operation not permitted");
	(void)close(c.ptp);
}

/* A hypervisor's clock makes the host's word worth nothing. */
static void the_host_is_not_asked_beside_it(void **state)
{
	struct rt_clock c;
	int64_t away;

	(void)state;
	machine.sources = "kvm-clock \n";
	c = found();
	assert_int_equal(rt_clock_judge(&c, (uint64_t)NOW, (struct rt_clock_now){ 5, 3 }, &away),
			 RT_CLOCK_IGNORE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(a_machine_without_one_asks_the_host),
		T(kvm_clock_is_found_wherever_it_stands_in_the_list),
		T(the_clock_is_set_by_kvms_ptp),
		T(a_slow_look_at_the_device_is_made_up_for),
		T(another_ptp_device_is_not_the_hypervisors),
		T(a_device_that_cannot_be_read_stops_the_enclave),
		T(the_device_is_followed_within_its_bound),
		T(a_device_that_breaks_later_is_said),
		T(the_host_is_not_asked_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
