/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/qemu.h"

#include <string.h>

/* One line, the arguments divided by blanks. */
static char *joined(const struct qemu_guest *g)
{
	SS_CLEANUP(qemu_args_done) struct qemu_args a = { 0 };
	size_t n = 1;
	char *line;

	qemu_args_guest(g, &a);
	assert_true(a.n <= QEMU_MAX_ARGS && a.v[a.n] == NULL);
	for (size_t i = 0; i < a.n; i++)
		n += strlen(a.v[i]) + 1;
	line = ss_calloc(n, 1);
	for (size_t i = 0, at = 0; i < a.n; i++)
		at += (size_t)snprintf(line + at, n - at, "%s%s", i > 0 ? " " : "", a.v[i]);
	return line;
}

static const struct qemu_fds fds = { .eif = 5, .kernel = 6, .initrd = 7 };

static void qemu_args_nitro_gets_the_file_itself(void **state)
{
	const struct qemu_found found = { .program = (char[]){ "/q" },
					  .firmware = (char[]){ "/f w" },
					  .kind = QEMU_NITRO };
	struct qemu_guest g = {
		.found = &found, .fds = &fds, .id = "i-1", .memory_mib = 300, .cpus = 3
	};
	AUTO_FREE char *line = joined(&g);

	(void)state;
	assert_string_equal(line,
			    "/q -L /f w -chardev socket,id=c,path=vhost -M "
			    "nitro-enclave,vsock=c,id=i-1 -kernel /proc/self/fd/5 -append "
			    "reboot=t panic=-1 no_timer_check quiet -m 300M -smp 3 -accel tcg -cpu "
			    "max -display none -monitor none -serial stdio -no-reboot -nodefaults");
}

static void qemu_args_microvm_gets_the_parts_behind_the_measured_words(void **state)
{
	const struct qemu_found found = { .program = (char[]){ "q" },
					  .kind = QEMU_MICROVM,
					  .kvm = true };
	struct qemu_guest g = { .found = &found,
				.fds = &fds,
				.id = "i-1",
				.memory_mib = 64,
				.cpus = 1,
				.cmdline = "console=ttyS0 a,b",
				.kernel_messages = true };
	AUTO_FREE char *line = joined(&g);

	(void)state;
	assert_string_equal(line,
			    "q -chardev socket,id=c,path=vhost -M "
			    "microvm,acpi=off,memory-backend=mem -object "
			    "memory-backend-memfd,id=mem,size=64M,share=on -device "
			    "vhost-user-vsock-device,chardev=c -kernel /proc/self/fd/6 -initrd "
			    "/proc/self/fd/7 -append console=ttyS0 a,b reboot=t panic=-1 -m 64M "
			    "-smp 1 -accel kvm -cpu host -display none -monitor none -serial stdio "
			    "-no-reboot -nodefaults");
}

static void qemu_args_only_an_emulated_timer_goes_unchecked(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const struct qemu_found found = { .program = (char[]){ "q" },
						  .kind = (i & 1) != 0 ? QEMU_MICROVM : QEMU_NITRO,
						  .kvm = (i & 2) != 0,
						  .tsc_khz = 2400000 };
		struct qemu_guest g = { .found = &found,
					.fds = &fds,
					.id = "i",
					.memory_mib = 64,
					.cpus = 1,
					.cmdline = "x",
					.kernel_messages = (i & 4) != 0 };
		AUTO_FREE char *line = joined(&g);

		assert_int_equal(
			strstr(line, " no_timer_check tsc_early_khz=2400000 tsc=reliable") != NULL,
			(i & 2) == 0);
		assert_int_equal(strstr(line, "tsc") != NULL, (i & 2) == 0);
		assert_int_equal(strstr(line, " quiet") != NULL, (i & 4) == 0);
		assert_non_null(strstr(line, "reboot=t panic=-1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_args_nitro_gets_the_file_itself),
		cmocka_unit_test(qemu_args_microvm_gets_the_parts_behind_the_measured_words),
		cmocka_unit_test(qemu_args_only_an_emulated_timer_goes_unchecked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
