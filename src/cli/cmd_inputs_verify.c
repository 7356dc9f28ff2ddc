/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/enclave_lock.h"
#include "record/rec_sweep.h"

#include <inttypes.h>
#include <stdio.h>

struct opts {
	bool json;
};

static const struct cli_opt opt_table[] = {
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

struct listing {
	json_t *damaged; /* NULL: print lines */
	json_t *missing;
	json_t *odd;
};

static void bad(void *ctx, const uint8_t hash[CRYPTO_SHA256_SIZE], enum rec_found found,
		const char *url)
{
	struct listing *l = ctx;
	char hex[REC_HEX];
	json_t *one;

	ss_hex((struct ss_span){ hash, CRYPTO_SHA256_SIZE }, hex);
	if (l->damaged == NULL) {
		printf("%s  %s%s%s\n", found == REC_DAMAGED ? "damaged" : "missing", hex,
		       url != NULL ? "  " : "", url != NULL ? url : "");
		return;
	}
	one = json_object();
	cli_json_set(one, "SHA256", json_string(hex));
	if (url != NULL)
		cli_json_set(one, "URL", json_string(url));
	if (json_array_append_new(found == REC_DAMAGED ? l->damaged : l->missing, one) != 0)
		abort();
}

static void odd(void *ctx, struct ss_span path)
{
	struct listing *l = ctx;
	json_t *one;

	if (l->damaged == NULL) {
		printf("no object  ");
		cli_print_text(path);
		printf("\n");
		return;
	}
	one = json_object();
	cli_json_text(one, "Path", path);
	if (json_array_append_new(l->odd, one) != 0)
		abort();
}

static int check(const struct rec_store *s, const char *path, const struct rec_listener *l,
		 struct rec_state *ret, struct ss_err *err)
{
	struct cfg_lock lock;
	int rc;

	if (path == NULL)
		return rec_check_store(s, l, ret, err);
	if (cfg_lock_load(path, &lock, err) < 0)
		return -1;
	rc = rec_check_inputs(s, &lock.inputs, l, ret, err);
	cfg_lock_done(&lock);
	return rc;
}

static int print_json(struct listing *l, const struct rec_state *st, struct ss_err *err)
{
	json_t *root = json_object();
	int rc;

	cli_json_set(root, "Whole", json_integer((json_int_t)st->whole));
	cli_json_set(root, "Bytes", json_integer((json_int_t)st->bytes));
	cli_json_set(root, "Damaged", json_incref(l->damaged));
	cli_json_set(root, "Missing", json_incref(l->missing));
	cli_json_set(root, "NoObjects", json_incref(l->odd));
	rc = cli_json_print(root, err);
	json_decref(root);
	return rc;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	struct listing l = { o->json ? json_array() : NULL, o->json ? json_array() : NULL,
			     o->json ? json_array() : NULL };
	const struct rec_listener listener = { bad, odd, &l };
	struct rec_state st = { 0 };
	int rc = rec_store_open(NULL, REC_SHARED, &s, err);

	if (rc == 0)
		rc = check(&s, r->args[0], &listener, &st, err);
	if (rc == 0 && o->json)
		rc = print_json(&l, &st, err);
	else if (rc == 0)
		printf("%" PRIu64 " whole, %" PRIu64 " bytes; damaged: %" PRIu64
		       "; missing: %" PRIu64 "\n",
		       st.whole, st.bytes, st.damaged, st.missing);
	json_decref(l.damaged);
	json_decref(l.missing);
	json_decref(l.odd);
	if (rc == 0 && st.damaged + st.missing > 0)
		r->status = 1;
	return rc;
}

const struct cli_cmd cli_inputs_verify = {
	.name = "inputs verify",
	.args = "[LOCK]",
	.summary = "read and hash the recorded inputs of builds",
	.about =
		"Reads every object in the store of inputs and compares it with its name, which is "
		"its SHA-256. With LOCK (an enclave.lock) only what that lock needs, and what of "
		"it "
		"is missing. Nothing is changed: a build fetches again what is missing or damaged.",
	.examples = "selfsame inputs verify\n"
		    "selfsame inputs verify enclave.lock\n",
	.no = "an object is damaged or missing",
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
