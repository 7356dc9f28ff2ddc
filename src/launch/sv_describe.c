/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "launch/supervise.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

/* jansson fails only for lack of memory, as base/mem.c does. */
static void set(json_t *object, const char *key, json_t *value)
{
	const int rc = json_object_set_new(object, key, value);

	assert(rc == 0);
}

static void set_hex(json_t *object, const char *key, const uint8_t *p, size_t n)
{
	char digits[2 * CRYPTO_SHA384_SIZE + 1];

	assert(n <= CRYPTO_SHA384_SIZE);
	ss_hex((struct ss_span){ p, n }, digits);
	set(object, key, json_string(digits));
}

static json_t *registers(const struct sv_plan *p)
{
	static const uint8_t zeros[CRYPTO_SHA384_SIZE];
	const struct eif_measurements *m = &p->facts.m;
	const bool debug = sv_is_unmeasured(p);
	json_t *o = json_object();

	set(o, "HashAlgorithm", json_string("Sha384 { ... }"));
	set_hex(o, "PCR0", debug ? zeros : m->pcr0, sizeof(m->pcr0));
	set_hex(o, "PCR1", debug ? zeros : m->pcr1, sizeof(m->pcr1));
	set_hex(o, "PCR2", debug ? zeros : m->pcr2, sizeof(m->pcr2));
	if (m->has_pcr8)
		set_hex(o, "PCR8", m->pcr8, sizeof(m->pcr8));
	return o;
}

static json_t *ports(const struct sv_plan *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->ports.n; i++) {
		const struct publish_port *port = &p->ports.v[i];
		char text[PUBLISH_TEXT];
		json_t *o = json_object();

		publish_show(&port->addr, port->any, text);
		set(o, "Host", json_string(text));
		set(o, "HostPort", json_integer(publish_port_of(&port->addr)));
		set(o, "EnclavePort", json_integer(port->to));
		set(o, "Protocol", json_string(port->udp ? "udp" : "tcp"));
		(void)json_array_append_new(list, o);
	}
	return list;
}

json_t *sv_describe(const struct sv_plan *p, const struct sv_status *s)
{
	json_t *o = json_object();

	set(o, "EnclaveName", json_string(p->claim.name));
	set(o, "EnclaveID", json_string(p->id));
	set(o, "ProcessID", json_integer(s->pid));
	set(o, "EnclaveCID", json_integer(s->cid));
	set(o, "NumberOfCPUs", json_integer(p->cpus));
	set(o, "CPUIDs", json_array());
	set(o, "MemoryMiB", json_integer((json_int_t)p->memory_mib));
	set(o, "State", json_string(s->stopping ? "TERMINATING" : "RUNNING"));
	set(o, "Flags", json_string(p->o.debug ? "DEBUG_MODE" : "NONE"));
	set(o, "Measurements", registers(p));
	set(o, "Readiness", json_string(!s->booted ? "booting" : frame_state_name(s->state)));
	set(o, "Reason", json_string(s->reason));
	set(o, "Machine", s->machine != NULL ? json_string(s->machine) : json_null());
	set(o, "Accelerator", p->is_nitro ? json_null() : json_string(s->is_kvm ? "kvm" : "tcg"));
	set(o, "Nsm", json_boolean(s->has_nsm));
	set(o, "Ports", ports(p));
	if (p->o.metrics != NULL) {
		char text[PUBLISH_TEXT];

		publish_show(&p->metrics_addr, false, text);
		set(o, "Metrics", json_string(text));
	}
	return o;
}

/* --- how it ended ---------------------------------------------------------------------------- */

int sv_exit_status(const struct sv_end *e)
{
	switch (e->kind) {
	case SV_EXITED:
		return (int)e->value;
	case SV_SIGNALLED:
		return 128 + (int)e->value;
	case SV_KILLED:
		return 128 + SIGKILL;
	case SV_STOPPED:
	case SV_FAILED:
		return SV_OUR_FAILURE;
	}
	return SV_OUR_FAILURE;
}

static const char *kind_name(enum sv_kind k)
{
	switch (k) {
	case SV_EXITED:
		return "exited";
	case SV_SIGNALLED:
		return "signalled";
	case SV_KILLED:
		return "killed";
	case SV_STOPPED:
		return "stopped";
	case SV_FAILED:
		return "failed";
	}
	return "failed";
}

void sv_end_show(const struct sv_end *e, char ret[SV_TEXT])
{
	const char *colon = e->reason[0] != '\0' ? ": " : "";
	const char *name;

	switch (e->kind) {
	case SV_EXITED:
		(void)snprintf(ret, SV_TEXT, "exited %u%s%s", e->value, colon, e->reason);
		return;
	case SV_SIGNALLED:
		name = sigabbrev_np((int)e->value);
		(void)snprintf(ret, SV_TEXT, "killed by signal %u%s%s%s%s%s", e->value,
			       name != NULL ? " (SIG" : "", name != NULL ? name : "",
			       name != NULL ? ")" : "", colon, e->reason);
		return;
	case SV_KILLED:
	case SV_STOPPED:
	case SV_FAILED:
		(void)snprintf(ret, SV_TEXT, "%s%s%s", kind_name(e->kind), colon, e->reason);
		return;
	}
}

void sv_describe_end(json_t *description, const struct sv_end *e)
{
	json_t *o = json_object();

	set(o, "Kind", json_string(kind_name(e->kind)));
	set(o, "Status", e->kind == SV_EXITED ? json_integer(e->value) : json_null());
	set(o, "Signal", e->kind == SV_SIGNALLED ? json_integer(e->value) : json_null());
	set(o, "Reason", json_string(e->reason));
	set(o, "ExitStatus", json_integer(sv_exit_status(e)));
	set(description, "State", json_string("TERMINATED"));
	set(description, "End", o);
}
