/* SPDX-License-Identifier: Apache-2.0 */
#include "nitro_run.h"

#include "base/mem.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

uint8_t image_byte(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16) + 1);
}

int nitro_run_setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	uint8_t *bytes = ss_calloc(1, IMAGE_SIZE);

	nitro_model_init(&f->m);
	f->image = memfd_create("image", MFD_CLOEXEC);
	for (uint64_t i = 0; i < IMAGE_SIZE; i++)
		bytes[i] = image_byte(i);
	assert_int_equal(write(f->image, bytes, IMAGE_SIZE), IMAGE_SIZE);
	free(bytes);
	*state = f;
	return 0;
}

int nitro_run_teardown(void **state)
{
	struct fixture *f = *state;

	nitro_model_done(&f->m);
	ss_closep(&f->image);
	free(f);
	return 0;
}

struct machine_spec spec(uint64_t memory_mib, unsigned cpus)
{
	return (struct machine_spec){ .eif = "x", .memory_mib = memory_mib, .cpus = cpus };
}

int start(struct fixture *f, const struct machine_spec *s, struct machine **ret, struct ss_err *err)
{
	const struct nitro_opts o = { .eif = f->image, .eif_size = IMAGE_SIZE, .sys = &f->m.sys };

	return nitro_start(s, &o, ret, err);
}

struct machine *must_start(struct fixture *f, uint64_t memory_mib)
{
	const struct machine_spec s = spec(memory_mib, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	expect_ok(start(f, &s, &m, &err), &err);
	return m;
}

void refused(struct fixture *f, const struct machine_spec *s, enum ss_code code, const char *msg)
{
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	expect_fails(start(f, s, &m, &err), &err, code, msg);
	/* Nothing is left behind. */
	assert_null(m);
	assert_int_equal(nitro_model_maps(&f->m), 0);
	for (size_t i = 0; i < MODEL_ENCLAVES; i++)
		if (f->m.enclaves[i].exists)
			assert_true(nitro_model_is_closed(&f->m.enclaves[i]));
}

bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}
