/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/run_policy.h"

#include "base/show.h"
#include "base/text.h"
#include "fmt/toml.h"
#include "io/file.h"

#include <errno.h>
#include <string.h>

#define FILE_MAX ((size_t)64 * 1024)

static int read_policy(const struct toml_node *top, struct run_policy *p, struct ss_err *err)
{
	for (size_t i = 0; i < top->n; i++) {
		const struct toml_node *k = top->kids[i];

		if (strcmp(k->key, "policy") != 0)
			return ss_fail(err, SS_EINPUT,
				       "line %u: unknown key '%s'; the one there is is 'policy'",
				       k->line, SS_SHOW(ss_text(k->key)));
		if (k->type != TOML_STRING ||
		    (strcmp(k->text, "production") != 0 && strcmp(k->text, "development") != 0))
			return ss_fail(err, SS_EINPUT,
				       "line %u: policy is \"production\" or \"development\"",
				       k->line);
		p->production |= strcmp(k->text, "production") == 0;
	}
	return 0;
}

int run_policy_add(struct run_policy *p, const char *path, bool must_exist, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(FILE_MAX);
	AUTO_TOML struct toml_node *top = NULL;

	if (!must_exist && access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (toml_read(ss_buf_span(&b), &top, err) < 0 || read_policy(top, p, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(path)));
	return 0;
}

int run_policy_check_debug(const struct run_policy *p, bool debug, struct ss_err *err)
{
	if (!p->production || !debug)
		return 0;
	(void)ss_fail(err, SS_EUSAGE, "--debug: this host's policy is \"production\"");
	err->hint = "in debug mode the console is open and PCR0 to PCR2 are zero: nobody could "
		    "verify the enclave";
	return -1;
}
