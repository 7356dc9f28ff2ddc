/* SPDX-License-Identifier: Apache-2.0 */
#include "config/enclave_lock.h"
#include "config/enclave_toml.h"
#include "config/measurements.h"

#include <stdlib.h>
#include <string.h>

/* enclave.toml, enclave.lock and measurements.json: what is refused says why; what is written again
 * reads back and writes to the same bytes. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_say_why(const struct ss_err *err)
{
	if ((err->code != SS_EINPUT && err->code != SS_ELIMIT) || err->msg[0] == '\0')
		abort();
}

static void must_be_equal(const struct ss_buf *a, const struct ss_buf *b)
{
	if (a->bad || b->bad || a->n != b->n || memcmp(a->p, b->p, a->n) != 0)
		abort();
}

static void try_lock(struct ss_span in)
{
	AUTO_BUF struct ss_buf once = SS_BUF_INIT((size_t)1 << 24);
	AUTO_BUF struct ss_buf twice = SS_BUF_INIT((size_t)1 << 24);
	struct cfg_lock l, back;
	struct ss_err err = { 0 };

	if (cfg_lock_read(in, &l, &err) < 0) {
		must_say_why(&err);
		return;
	}
	cfg_lock_write(&l, &once);
	if (cfg_lock_read(ss_buf_span(&once), &back, &err) < 0)
		abort();
	cfg_lock_write(&back, &twice);
	must_be_equal(&once, &twice);
	cfg_lock_done(&l);
	cfg_lock_done(&back);
}

static void try_measurements(struct ss_span in)
{
	AUTO_BUF struct ss_buf once = SS_BUF_INIT((size_t)1 << 20);
	AUTO_BUF struct ss_buf twice = SS_BUF_INIT((size_t)1 << 20);
	struct cfg_measurements m, back;
	struct ss_err err = { 0 };

	if (cfg_measurements_read(in, &m, &err) < 0) {
		must_say_why(&err);
		return;
	}
	cfg_measurements_write(&m, &once);
	if (cfg_measurements_read(ss_buf_span(&once), &back, &err) < 0)
		abort();
	cfg_measurements_write(&back, &twice);
	must_be_equal(&once, &twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span in = { data, size };
	struct cfg_enclave c;
	struct ss_err err = { 0 };

	if (cfg_enclave_read(in, &c, &err) < 0)
		must_say_why(&err);
	else
		cfg_enclave_done(&c);
	try_lock(in);
	try_measurements(in);
	return 0;
}
