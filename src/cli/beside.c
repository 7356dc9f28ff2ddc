/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/beside.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_config_beside(const char *lock, struct cfg_enclave *ret, struct ss_err *err)
{
	const char *slash = strrchr(lock, '/');
	const size_t folder = slash != NULL ? (size_t)(slash - lock) + 1 : 0;
	const size_t n = folder + sizeof("enclave.toml");
	AUTO_FREE char *path = ss_calloc(n, 1);

	(void)snprintf(path, n, "%.*senclave.toml", (int)folder, lock);
	if (access(path, F_OK) == 0)
		return cfg_enclave_load(path, ret, err);
	*ret = (struct cfg_enclave){ 0 };
	return 0;
}
