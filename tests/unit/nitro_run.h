/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "expect.h"
#include "launch/nitro.h"
#include "nitro_model.h"

/* An instance as nitro_model.h has it, and an image to start there. */
#define MIB (1ull << 20)
#define IMAGE_SIZE (3u * 1024 * 1024 + 77)

struct fixture {
	struct nitro_model m;
	int image;
};

uint8_t image_byte(uint64_t at);
int nitro_run_setup(void **state);
int nitro_run_teardown(void **state);
struct machine_spec spec(uint64_t memory_mib, unsigned cpus);
int start(struct fixture *f, const struct machine_spec *s, struct machine **ret,
	  struct ss_err *err);
struct machine *must_start(struct fixture *f, uint64_t memory_mib);
void refused(struct fixture *f, const struct machine_spec *s, enum ss_code code, const char *msg);
bool is_readable(int fd, int ms);
