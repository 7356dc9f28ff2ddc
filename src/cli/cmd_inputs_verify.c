/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/text.h"
#include "cli/beside.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/enclave_lock.h"
#include "record/rec_renew.h"
#include "record/rec_sweep.h"

#include <inttypes.h>
#include <stdio.h>

struct opts {
	bool json;
	bool online;
};

static const struct cli_opt opt_table[] = {
	CLI_OPT_JSON(struct opts, json),
	{ .name = "online-check",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, online),
	  .help = "ask the servers what they have today for LOCK" },
	CLI_OPTS_END,
};

struct listing {
	json_t *damaged; /* NULL: print lines */
	json_t *missing;
	json_t *odd;
	json_t *differ;
	json_t *unreached;
	uint64_t n_asked;
	uint64_t n_differ;
	uint64_t n_unreached;
	uint64_t n_unable;
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

/* --- what servers have today ---------------------------------------------------------------------
 */

static void differs(struct listing *l, const struct cfg_input *in, const struct cfg_input *now)
{
	json_t *one;

	l->n_differ++;
	if (l->differ == NULL) {
		printf("differs  %.12s → %.12s", in->sha256, now->sha256);
		if (now->status != in->status)
			printf(" (status %u → %u)", (unsigned)in->status, (unsigned)now->status);
		printf("  %s\n", in->url);
		return;
	}
	one = json_object();
	cli_json_set(one, "URL", json_string(in->url));
	cli_json_set(one, "Locked", json_string(in->sha256));
	cli_json_set(one, "Found", json_string(now->sha256));
	cli_json_set(one, "Status", json_integer((json_int_t)now->status));
	if (json_array_append_new(l->differ, one) != 0)
		abort();
}

static void unreached(struct listing *l, const struct cfg_input *in, const struct ss_err *why)
{
	json_t *one;

	l->n_unreached++;
	if (l->unreached == NULL) {
		printf("not reached  ");
		cli_print_str(why->msg);
		printf("\n");
		return;
	}
	one = json_object();
	cli_json_set(one, "URL", json_string(in->url));
	cli_json_text(one, "Why", ss_text(why->msg));
	if (json_array_append_new(l->unreached, one) != 0)
		abort();
}

/* The last answer of each kind: what came before it was never to stay. */
static void check_online(struct listing *l, const struct cfg_list *inputs,
			 const struct cfg_texts *local)
{
	const struct cfg_input *v = inputs->v;

	for (size_t i = 0; i < inputs->n; i++) {
		struct cfg_input now = { 0 };
		struct ss_err why = { 0 };
		enum rec_renewed how;

		if (!rec_is_last(inputs, i))
			continue;
		l->n_asked++;
		if (rec_renew(NULL, local, &v[i], &how, &now, &why) < 0)
			unreached(l, &v[i], &why);
		else if (how == REC_OTHER)
			differs(l, &v[i], &now);
		else if (how == REC_UNABLE)
			l->n_unable++;
		cfg_fields_done(cfg_input_fields, &now);
	}
}

static int check(const struct rec_store *s, const char *path, bool online,
		 const struct rec_listener *l, struct rec_state *ret, struct ss_err *err)
{
	struct cfg_enclave config = { 0 };
	struct cfg_lock lock;
	int rc;

	if (path == NULL)
		return rec_check_store(s, l, ret, err);
	if (cfg_lock_load(path, &lock, err) < 0)
		return -1;
	rc = rec_check_inputs(s, &lock.inputs, l, ret, err);
	if (rc == 0 && online)
		rc = cli_config_beside(path, &config, err);
	if (rc == 0 && online)
		check_online(l->ctx, &lock.inputs, &config.build.local);
	cfg_enclave_done(&config);
	cfg_lock_done(&lock);
	return rc;
}

static int print_json(struct listing *l, const struct rec_state *st, bool online,
		      struct ss_err *err)
{
	json_t *root = json_object();
	int rc;

	cli_json_set(root, "Whole", json_integer((json_int_t)st->whole));
	cli_json_set(root, "Bytes", json_integer((json_int_t)st->bytes));
	cli_json_set(root, "Damaged", json_incref(l->damaged));
	cli_json_set(root, "Missing", json_incref(l->missing));
	cli_json_set(root, "NoObjects", json_incref(l->odd));
	if (online) {
		cli_json_set(root, "Asked", json_integer((json_int_t)(l->n_asked - l->n_unable)));
		cli_json_set(root, "NotAskable", json_integer((json_int_t)l->n_unable));
		cli_json_set(root, "Differs", json_incref(l->differ));
		cli_json_set(root, "NotReached", json_incref(l->unreached));
	}
	rc = cli_json_print(root, err);
	json_decref(root);
	return rc;
}

static void print_text(const struct listing *l, const struct rec_state *st, bool online)
{
	printf("%" PRIu64 " whole, %" PRIu64 " bytes; damaged: %" PRIu64 "; missing: %" PRIu64 "\n",
	       st->whole, st->bytes, st->damaged, st->missing);
	if (online)
		printf("%" PRIu64 " asked for; different: %" PRIu64 "; not reached: %" PRIu64
		       "; only a build can ask for: %" PRIu64 "\n",
		       l->n_asked - l->n_unable, l->n_differ, l->n_unreached, l->n_unable);
}

static int verify(const struct opts *o, const char *path, struct listing *l, bool *ret_bad,
		  struct ss_err *err)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	const struct rec_listener listener = { bad, odd, l };
	struct rec_state st = { 0 };

	if (rec_store_open(NULL, REC_SHARED, &s, err) < 0 ||
	    check(&s, path, o->online, &listener, &st, err) < 0)
		return -1;
	if (!o->json)
		print_text(l, &st, o->online);
	else if (print_json(l, &st, o->online, err) < 0)
		return -1;
	*ret_bad = st.damaged + st.missing + l->n_differ > 0;
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	struct listing l = { 0 };
	json_t **const lists[] = { &l.damaged, &l.missing, &l.odd, &l.differ, &l.unreached };
	bool is_bad = false;
	int rc;

	if (o->online && r->args[0] == NULL)
		return ss_fail(err, SS_EUSAGE, "--online-check needs a LOCK");
	for (size_t i = 0; i < SS_NELEMS(lists); i++)
		*lists[i] = o->json ? json_array() : NULL;
	rc = verify(o, r->args[0], &l, &is_bad, err);
	for (size_t i = 0; i < SS_NELEMS(lists); i++)
		json_decref(*lists[i]);
	if (rc == 0 && is_bad)
		r->status = 1;
	else if (rc == 0 && l.n_unreached > 0)
		return ss_fail(err, SS_EREMOTE,
			       "%" PRIu64 " of %" PRIu64 " inputs could not be asked for",
			       l.n_unreached, l.n_asked - l.n_unable);
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
		"is missing. Nothing is changed: a build fetches again what is missing or damaged. "
		"With --online-check each server is asked for what LOCK has of it, and what it "
		"answers is compared, too.",
	.examples = "selfsame inputs verify\n"
		    "selfsame inputs verify --online-check enclave.lock\n",
	.no = "an object is damaged or missing, or a server has something else",
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
