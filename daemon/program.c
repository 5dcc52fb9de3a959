/* SPDX-License-Identifier: MIT */
#include "daemon/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/media/frame.h"
#include "common/net/admission.h"
#include "common/net/handed.h"
#include "common/net/loop.h"
#include "common/net/tls.h"
#include "daemon/certificate.h"
#include "daemon/doors/logins.h"
#include "daemon/ends.h"
#include "daemon/relay/relay.h"
#include "daemon/renditions/maker.h"
#include "daemon/service.h"
#include "daemon/settings.h"
#include "daemon/supervised.h"
#include "daemon/user.h"
#include "daemon/verifier.h"

enum {
	FILES_KEPT_BACK = 64,    /* descriptors for everything that is no connection */
	LOOK_US = 10000,         /* between two looks whether the last pictures are out */
	LAST_PICTURES_MS = 3000, /* that a source which came to its end has for its last pictures */
};

struct program {
	const struct fr_program_spec *spec;
	struct fr_settings *settings;
	struct fr_limits limits; /* in force; everybody borrows this one */
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_admission *admission;
	struct fr_logins *logins;
	struct fr_tls *tls; /* in force; the doors borrow this one */
	struct fr_certificate *certificate;
	struct fr_verifier *verifier;
	struct fr_maker *maker;
	struct fr_ends *ends;
	struct fr_service *service;
	struct fr_supervised *supervised;
	struct event *look;
	struct event *duration;
	enum {
		RUNNING, /* ended by a signal, or by the end of an end */
		FINISHING, /* the last pictures of a source that ended go out; at most LAST_PICTURES_MS */
		DRAINING, /* what is under way goes out; at most drain_ms */
	} state;
	bool reload_failed; /* the last one */
	int64_t until_us;
	int status;
	struct fr_cause why;
};

/* Stopping */

static void look_again(struct program *p)
{
	static const struct timeval wait = {.tv_usec = LOOK_US};

	(void)event_add(p->look, &wait);
}

static void drain(struct program *p)
{
	p->state = DRAINING;
	p->until_us = fr_clock_now_us() + p->limits.drain_ms * 1000;
	fr_supervised_stopping(p->supervised);
	fr_ends_drain(p->ends);
	look_again(p);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	const int64_t now_us = fr_clock_now_us();

	(void)fd;
	(void)what;
	if (p->state == FINISHING && (now_us >= p->until_us || fr_relay_is_quiet(p->relay)))
		drain(p);
	else if (p->state == DRAINING && (now_us >= p->until_us || !fr_ends_busy(p->ends)))
		fr_loop_stop(p->loop);
	else
		look_again(p);
}

static void on_stop(void *arg)
{
	struct program *p = arg;

	if (p->state == DRAINING) {
		fr_loop_stop(p->loop); /* asked twice: at once */
		return;
	}
	fr_log(FR_LOG_INFO, "relay", "stopping", "");
	drain(p);
}

static void finish(struct program *p)
{
	p->state = FINISHING;
	p->until_us = fr_clock_now_us() + LAST_PICTURES_MS * 1000;
	look_again(p);
}

static void on_duration(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;

	(void)fd;
	(void)what;
	if (p->state == RUNNING)
		drain(p);
}

static void on_ended(void *arg, int status, const char *reason)
{
	struct program *p = arg;
	struct fr_log_text room;

	if (!p->spec->ends_with_its_ends) {
		fr_log(status == 0 ? FR_LOG_INFO : FR_LOG_ERROR, "relay",
		    "a source or sink has ended", "reason=%s", fr_log_quote(&room, reason));
		return;
	}
	if (p->state != RUNNING)
		return;
	if (status != 0)
		p->status = fr_cause_set(&p->why, -status, "%s", reason);
	finish(p);
}

/* Settings in force */

static void announce(const struct program *p)
{
	struct fr_text lines = {0};
	char *save = NULL;

	fr_ends_announce(p->ends, &lines);
	for (char *line = lines.text != NULL ? strtok_r(lines.text, "\n", &save) : NULL;
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		fr_log(FR_LOG_INFO, "relay", line, "");
	fr_text_done(&lines);
}

static void put_in_force(struct program *p, const struct fr_settings *settings)
{
	const int64_t now_us = fr_clock_now_us();
	struct fr_stream_config *streams;
	size_t count;

	p->limits = fr_limits_from(settings->limits);
	fr_log_setup(fr_settings_log_level(settings), fr_settings_log_format(settings));
	fr_log_set_rate((unsigned)p->limits.log_lines_per_second);
	fr_frame_pool_set_budget(p->pool, p->limits.memory_budget_bytes);
	streams = fr_settings_streams(settings, &count);
	fr_relay_set_default_stream(p->relay, fr_options_text(settings->general, "default_stream"));
	fr_relay_set_streams(p->relay, streams, count, now_us);
	fr_relay_set_access(p->relay, fr_settings_access(settings), now_us);
}

static void log_problems(struct fr_text *problems)
{
	struct fr_log_text room;
	char *save = NULL;

	for (char *line = problems->text != NULL ? strtok_r(problems->text, "\n", &save) : NULL;
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		fr_log(FR_LOG_ERROR, "relay", "configuration refused, the old one stays", "why=%s",
		    fr_log_quote(&room, line));
	fr_text_done(problems);
}

/* @param problems  why not, a line each */
static int reload(struct program *p, struct fr_text *problems)
{
	struct fr_settings *settings, *old = p->settings;
	struct fr_tls *tls = NULL;
	struct fr_cause why;

	if (p->spec->reload(p->spec->arg, &settings, problems) < 0)
		return -EINVAL;
	fr_text_done(problems);
	if (fr_certificate_read(settings, &tls, &why) < 0 ||
	    fr_ends_apply(p->ends, settings, &why) < 0) {
		fr_tls_free(tls);
		fr_text_add(problems, "%s", why.text);
		fr_settings_free(settings);
		return -EINVAL;
	}
	fr_tls_exchange(p->tls, tls);
	fr_tls_free(tls);
	fr_certificate_changed(p->certificate);
	put_in_force(p, settings);
	p->settings = settings;
	fr_settings_free(old);
	return 0;
}

static void on_reload(void *arg)
{
	struct program *p = arg;
	struct fr_text problems = {0};

	if (p->state != RUNNING)
		return;
	fr_supervised_reloading(p->supervised);
	if (p->spec->reload == NULL) {
		fr_log(FR_LOG_INFO, "relay", "nothing to reload: started without a file", "");
	} else if (reload(p, &problems) == 0) {
		p->reload_failed = false;
		fr_stat_add(FR_STAT_reloads, 1);
		fr_log(FR_LOG_INFO, "relay", "configuration reloaded", "");
	} else {
		p->reload_failed = true;
		fr_stat_add(FR_STAT_reload_failures, 1);
		log_problems(&problems);
	}
	fr_supervised_ready(p->supervised);
}

/* Told to the service manager */

static void add_closed(void *arg, const struct fr_end_info *info)
{
	if (!info->is_open)
		fr_text_add(arg, "; %s %s is not open", info->where, info->kind);
}

static void say_problems(void *arg, struct fr_text *to)
{
	const struct program *p = arg;

	if (p->reload_failed)
		fr_text_add(to, "; the last reload was refused, see the log");
	if (p->ends != NULL)
		fr_ends_list(p->ends, add_closed, to);
	if (fr_relay_is_short(p->relay))
		fr_text_add(to, "; short of memory for pictures");
}

/* Life */

static void check_files(const struct program *p)
{
	const int64_t files = fr_service_raise_files();

	if (p->limits.max_connections != 0 && p->limits.max_connections + FILES_KEPT_BACK > files)
		fr_log(FR_LOG_WARNING, "relay", "fewer open files than max_connections needs",
		    "files=%lld max_connections=%lld hint=\"ulimit -n, or LimitNOFILE= of the "
		    "unit\"",
		    (long long)files, (long long)p->limits.max_connections);
}

static int set_duration(struct program *p, struct fr_cause *why)
{
	const int64_t ms = p->spec->duration_ms;
	const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (ms == 0)
		return 0;
	p->duration = event_new(fr_loop_base(p->loop), -1, 0, on_duration, p);
	if (p->duration == NULL || event_add(p->duration, &wait) < 0)
		return fr_cause_set(why, ENOMEM, "no timer");
	return 0;
}

/* Nobody is served before it is whom it shall be. Who sends or takes one stream runs a command: as who he is. */
static int on_listening(void *arg, struct fr_cause *why)
{
	struct program *p = arg;

	if (p->spec->ends_with_its_ends)
		return 0;
	return fr_user_become(fr_options_text(p->settings->general, "user"), p->spec->file, why);
}

static int open_all(struct program *p, struct fr_cause *why)
{
	static const struct fr_service_ops service_ops = {
	    .on_stop = on_stop, .on_reload = on_reload};
	struct fr_handed *handed;
	struct fr_ends_env env;
	int r;

	p->pool = fr_frame_pool_new(p->limits.memory_budget_bytes);
	p->loop = fr_loop_new(why);
	if (p->loop == NULL)
		return -ENOMEM;
	r = fr_handed_from_environment(&handed, why);
	if (r < 0)
		return r;
	fr_loop_set_handed(p->loop, handed);
	p->relay = fr_relay_new(&p->limits, p->pool);
	p->admission = fr_admission_new(&p->limits);
	p->logins = fr_logins_new(p->relay, &p->limits, p->loop);
	put_in_force(p, p->settings);
	check_files(p);
	p->look = event_new(fr_loop_base(p->loop), -1, 0, on_look, p);
	if (p->look == NULL)
		return fr_cause_set(why, ENOMEM, "no timer");
	r = set_duration(p, why);
	if (r < 0)
		return r;
	r = fr_certificate_read(p->settings, &p->tls, why);
	if (r == 0)
		r = fr_certificate_new(p->loop, p->tls, &p->certificate, why);
	if (r < 0)
		return r;
	r = fr_verifier_new(p->loop, p->relay, &p->limits, &p->verifier, why);
	if (r < 0)
		return r;
	r = fr_maker_new(p->loop, p->relay, &p->limits, &p->maker, why);
	if (r < 0)
		return r;
	r = fr_service_new(p->loop, p->relay, &p->limits, &service_ops, p, &p->service, why);
	if (r < 0)
		return r;
	r = fr_supervised_new(p->loop, p->relay, say_problems, p, &p->supervised, why);
	if (r < 0)
		return r;
	env = (struct fr_ends_env){.door = {.loop = p->loop,
	                               .relay = p->relay,
	                               .admission = p->admission,
	                               .logins = p->logins,
	                               .limits = &p->limits,
	                               .tls = p->tls},
	    .ended = on_ended,
	    .listening = on_listening,
	    .arg = p};
	p->ends = fr_ends_new(&env);
	return fr_ends_apply(p->ends, p->settings, why);
}

/* In reverse. @return whether everything was given back */
static bool close_all(struct program *p)
{
	int64_t alive, wrong;

	fr_ends_free(p->ends);
	fr_logins_free(p->logins);
	fr_verifier_free(p->verifier);
	fr_maker_free(p->maker);
	if (p->relay != NULL)
		(void)fr_relay_check(p->relay, NULL);
	wrong = fr_stat_value(FR_STAT_accounting_error);
	fr_service_free(p->service);
	fr_supervised_free(p->supervised);
	fr_certificate_free(p->certificate);
	if (p->look != NULL)
		event_free(p->look);
	if (p->duration != NULL)
		event_free(p->duration);
	fr_loop_free(p->loop); /* what was deferred goes here, before what it refers to */
	fr_relay_free(p->relay);
	fr_tls_free(p->tls);
	fr_admission_free(p->admission);
	alive = fr_frame_pool_frames(p->pool);
	fr_frame_pool_free(p->pool);
	fr_log_set_rate(0);
	fr_log(FR_LOG_INFO, "relay", "stopped",
	    "frames_alive=%lld accounting_error=%lld published=%lld sent=%lld dropped=%lld",
	    (long long)alive, (long long)wrong, (long long)fr_stat_value(FR_STAT_frames_published),
	    (long long)fr_stat_value(FR_STAT_frames_sent),
	    (long long)(fr_stat_value(FR_STAT_frames_offered) -
	                fr_stat_value(FR_STAT_frames_sent)));
	fr_settings_free(p->settings);
	return alive == 0;
}

int fr_program_run(const struct fr_program_spec *spec, struct fr_cause *why)
{
	struct program p = {.spec = spec, .settings = spec->settings};
	int r;

	p.limits = fr_limits_from(p.settings->limits);
	r = open_all(&p, why);
	if (r == 0) {
		announce(&p);
		fr_supervised_ready(p.supervised);
		r = fr_loop_run(p.loop);
		if (r < 0)
			fr_cause_set(why, -r, "the event loop failed: %s", strerror(-r));
	}
	if (r == 0 && p.status == 0 && spec->ends_with_its_ends &&
	    fr_stat_value(FR_STAT_write_errors) != 0)
		r = fr_cause_set(why, EIO, "%lld writes failed; the lines above say why",
		    (long long)fr_stat_value(FR_STAT_write_errors));
	if (r == 0 && p.status < 0) {
		*why = p.why;
		r = p.status;
	}
	(void)close_all(&p);
	return r;
}
