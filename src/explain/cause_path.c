/* SPDX-License-Identifier: Apache-2.0 */
#include "base/attr.h"
#include "explain/cause.h"

/*
 * Paths of a root file system whose files are known never to repeat. "*" is any text without "/",
 * "**" any text. The first row that matches says.
 */
static const struct {
	const char *path;
	enum ex_cause cause;
} rules[] = {
	{ "etc/machine-id", EX_ID_MACHINE },
	{ "var/lib/dbus/machine-id", EX_ID_MACHINE },
	{ "var/cache/ldconfig/aux-cache", EX_CACHE_LDCONFIG },
	{ "var/log/lastlog", EX_LEFT_LOGINS },
	{ "var/log/faillog", EX_LEFT_LOGINS },
	{ "var/log/wtmp", EX_LEFT_LOGINS },
	{ "var/log/btmp", EX_LEFT_LOGINS },
	{ "var/log/tallylog", EX_LEFT_LOGINS },
	{ "var/log/**", EX_TIME_LOG },
	{ "var/cache/apt/**", EX_CACHE_APT },
	{ "var/lib/apt/lists/**", EX_CACHE_APT_LISTS },
	{ "var/lib/dpkg/*-old", EX_CACHE_DEBCONF },
	{ "var/lib/dpkg/available", EX_CACHE_DEBCONF },
	{ "var/cache/debconf/*-old", EX_CACHE_DEBCONF },
	{ "etc/apt/apt.conf.d/01autoremove-kernels", EX_LEFT_KERNEL_LIST },
	{ "etc/passwd-", EX_LEFT_BACKUP },
	{ "etc/shadow-", EX_LEFT_BACKUP },
	{ "etc/group-", EX_LEFT_BACKUP },
	{ "etc/gshadow-", EX_LEFT_BACKUP },
	{ "etc/subuid-", EX_LEFT_BACKUP },
	{ "etc/subgid-", EX_LEFT_BACKUP },
	{ ".dockerenv", EX_LEFT_ENGINE },
	{ "run/**", EX_LEFT_ENGINE },
	{ "etc/resolv.conf", EX_LEFT_ENGINE },
	{ "etc/hosts", EX_LEFT_ENGINE },
	{ "etc/mtab", EX_LEFT_ENGINE },
	{ "etc/hostname", EX_ID_HOST },
	{ "etc/mailname", EX_ID_HOST },
	{ "etc/ssh/ssh_host_*_key", EX_RAND_KEY },
	{ "etc/ssh/ssh_host_*_key.pub", EX_RAND_KEY },
	{ "etc/ssl/private/**", EX_RAND_KEY },
	{ "etc/ssl/certs/ssl-cert-snakeoil.pem", EX_RAND_KEY },
	{ "etc/ssl/certs/java/cacerts", EX_TIME_KEYSTORE },
	{ "**/.gnupg/**", EX_RAND_KEY },
	{ "var/lib/systemd/random-seed", EX_CACHE_SYSTEMD },
	{ "var/lib/systemd/catalog/database", EX_CACHE_SYSTEMD },
	{ "etc/udev/hwdb.bin", EX_CACHE_SYSTEMD },
	{ "etc/.updated", EX_TIME_STAMP },
	{ "var/.updated", EX_TIME_STAMP },
	{ "etc/.pwd.lock", EX_TIME_STAMP },
	{ "var/lib/logrotate/status", EX_TIME_STAMP },
	{ "var/lib/update-notifier/**", EX_TIME_STAMP },
	{ "**/.npm/_logs/**", EX_TIME_NPM_LOG },
	{ "**/.npm/**", EX_CACHE_NPM },
	{ "**/node_modules/.cache/**", EX_CACHE_NPM },
	{ "**/node_modules/.yarn-state.yml", EX_CACHE_NPM },
	{ "**/.yarn/cache/**", EX_CACHE_NPM },
	{ "tmp/node-compile-cache/**", EX_CACHE_NPM },
	{ "**/.cache/go-build/**", EX_CACHE_GO },
	{ "**/.cache/pip/**", EX_CACHE_PIP },
	{ "var/cache/fontconfig/**", EX_CACHE_FONTCONFIG },
	{ "**/.cache/fontconfig/**", EX_CACHE_FONTCONFIG },
	{ "var/cache/man/**", EX_CACHE_MAN },
	{ "**/.cargo/registry/**", EX_CACHE_CARGO },
	{ "usr/local/cargo/registry/**", EX_CACHE_CARGO },
	{ "**/.cargo/.package-cache", EX_CACHE_CARGO },
	{ "**/.m2/**", EX_CACHE_MAVEN },
	{ "**/.gradle/**", EX_CACHE_MAVEN },
	{ "tmp/hsperfdata_*/**", EX_LEFT_TMP },
	{ "**/lib/server/classes*.jsa", EX_CACHE_CDS },
	{ "var/cache/apk/**", EX_CACHE_APK },
	{ "lib/apk/db/scripts.tar", EX_CACHE_APK },
	{ "lib/apk/db/scripts.tar.gz", EX_CACHE_APK },
	{ "etc/apk/world", EX_CACHE_APK },
	{ "var/lib/rpm/**", EX_CACHE_RPM },
	{ "usr/lib/sysimage/rpm/**", EX_CACHE_RPM },
	{ "var/lib/dnf/**", EX_CACHE_RPM },
	{ "var/cache/dnf/**", EX_CACHE_RPM },
	{ "var/cache/yum/**", EX_CACHE_RPM },
	{ "**/direct_url.json", EX_PATH_DIRECT_URL },
	{ "**/vendor/composer/autoload_*.php", EX_RAND_COMPOSER },
	{ "**/vendor/autoload.php", EX_RAND_COMPOSER },
	{ "**/.git/**", EX_LEFT_GIT },
	{ "tmp/**", EX_LEFT_TMP },
	{ "var/tmp/**", EX_LEFT_TMP },
	{ "root/.wget-hsts", EX_CACHE_HOME },
	{ "**/.bash_history", EX_CACHE_HOME },
	{ "**/.python_history", EX_CACHE_HOME },
	{ "**/.viminfo", EX_CACHE_HOME },
	{ "**/.lesshst", EX_CACHE_HOME },
	{ "root/.cache/**", EX_CACHE_HOME },
	{ "root/.local/**", EX_CACHE_HOME },
	{ "home/*/.cache/**", EX_CACHE_HOME },
};

/* Without recursion: on a mismatch the last "*", else the last "**", takes one byte more. */
static bool match(const char *pattern, struct ss_span s)
{
	const char *star = NULL;
	const char *stars = NULL;
	size_t star_at = 0;
	size_t stars_at = 0;
	size_t i = 0;

	while (i < s.n || *pattern != '\0') {
		if (pattern[0] == '*' && pattern[1] == '*') {
			stars = pattern += 2;
			stars_at = i;
			star = NULL;
		} else if (*pattern == '*') {
			star = ++pattern;
			star_at = i;
		} else if (i < s.n && (uint8_t)*pattern == s.p[i]) {
			pattern++;
			i++;
		} else if (star != NULL && star_at < s.n && s.p[star_at] != '/') {
			i = ++star_at;
			pattern = star;
		} else if (stars != NULL && stars_at < s.n) {
			i = ++stars_at;
			pattern = stars;
			star = NULL;
		} else {
			return false;
		}
	}
	return true;
}

enum ex_cause ex_cause_of_path(struct ss_span path)
{
	for (size_t i = 0; i < SS_NELEMS(rules); i++) {
		const char *p = rules[i].path;

		if (match(p, path))
			return rules[i].cause;
		if (p[0] == '*' && p[1] == '*' && p[2] == '/' && match(p + 3, path))
			return rules[i].cause;
	}
	return EX_UNKNOWN;
}
