/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "record/rec_bundle.h"
#include "record/rec_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * An artifact of inputs by anybody: what is refused says why, and whatever it was, the store holds
 * whole objects and nothing else.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char store[] = "/tmp/selfsame-fuzz-import-XXXXXX";

static void remove_store(void)
{
	char cmd[96];

	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", store);
	(void)!system(cmd);
}

static void bad(void *ctx, const uint8_t *hash, enum rec_found found, const char *url)
{
	(void)ctx;
	(void)hash;
	(void)found;
	(void)url;
	abort();
}

static void odd(void *ctx, struct ss_span path)
{
	(void)ctx;
	(void)path;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	static const struct rec_listener listener = { bad, odd, NULL };
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	AUTO_CLOSE int fd = memfd_create("artifact", MFD_CLOEXEC);
	struct rec_bundle_info info = { 0 };
	struct rec_state st = { 0 };
	struct ss_err err = { 0 };
	char path[64];

	if (!made && (mkdtemp(store) == NULL || atexit(remove_store) != 0))
		abort();
	made = true;
	if (write(fd, data, size) != (ssize_t)size ||
	    rec_store_open(store, REC_SHARED, &s, &err) < 0)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rec_bundle_read(&s, path, &info, &err) < 0) {
		if ((err.code != SS_EINPUT && err.code != SS_ELIMIT && err.code != SS_EVERIFY) ||
		    err.msg[0] == '\0')
			abort();
	} else if (info.added > info.objects) {
		abort();
	}
	if (rec_check_store(&s, &listener, &st, &err) < 0 || st.whole < info.objects)
		abort();
	return 0;
}
