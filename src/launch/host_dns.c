/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/dns.h"
#include "io/file.h"
#include "launch/host_parts.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/*
 * Questions of the enclave go to the host's resolver as they are, if their name is on the measured
 * list; the enclave's own resolver has judged them before, and judges the answers.
 */
#define CONF "/etc/resolv.conf"
#define CONF_MAX ((size_t)64 * 1024)
#define PORT 53

bool host_dns_allows(const struct host *h, struct ss_span question, struct ss_buf *answer)
{
	static const uint8_t none[1][16];
	const struct facts *facts = h->o.facts;
	struct dns_query q = { 0 };
	struct ss_err err = { 0 };
	struct ss_span name;

	if (dns_query_read(question, &q, &err) < 0) {
		if (q.id != 0)
			dns_answer_write(&q, DNS_FORMERR, none, 0, 0, answer);
		return false;
	}
	name = (struct ss_span){ (const uint8_t *)q.name, strlen(q.name) };
	for (size_t i = 0; i < facts->n_rules; i++)
		if (egress_knows_name(&facts->rules[i], name))
			return true;
	dns_answer_write(&q, DNS_REFUSED, none, 0, 0, answer);
	return false;
}

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0". */
static bool read_addr(const char *text, union resolve_addr *ret)
{
	char plain[INET6_ADDRSTRLEN];
	const char *zone = strchr(text, '%');
	const size_t n = zone != NULL ? (size_t)(zone - text) : strlen(text);

	*ret = (union resolve_addr){ 0 };
	if (n >= sizeof(plain))
		return false;
	memcpy(plain, text, n);
	plain[n] = '\0';
	if (zone == NULL && inet_pton(AF_INET, plain, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(PORT);
		return true;
	}
	if (inet_pton(AF_INET6, plain, &ret->v6.sin6_addr) != 1)
		return false;
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(PORT);
	ret->v6.sin6_scope_id = zone != NULL ? if_nametoindex(zone + 1) : 0;
	return zone == NULL || ret->v6.sin6_scope_id != 0;
}

/* The first word behind "nameserver" that is an address. */
static bool read_conf(char *text, union resolve_addr *ret)
{
	static const char word[] = "nameserver";
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (strncmp(line, word, strlen(word)) != 0 ||
		    strchr(" \t", line[strlen(word)]) == NULL)
			continue;
		line += strlen(word) + strspn(line + strlen(word), " \t");
		line[strcspn(line, " \t\r#;")] = '\0';
		if (read_addr(line, ret))
			return true;
	}
	return false;
}

bool host_dns_server(const struct host *h, union resolve_addr *ret)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CONF_MAX + 1);
	struct ss_err err = { 0 };

	if (h->o.has_dns) {
		*ret = h->o.dns;
		return true;
	}
	/* Read each time: laptops move from network to network. */
	if (io_load_file(CONF, &b, &err) == 0) {
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
		if (!b.bad && read_conf((char *)b.p, ret))
			return true;
	}
	return read_addr("127.0.0.1", ret); /* the resolver's own default */
}
