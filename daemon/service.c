/* SPDX-License-Identifier: MIT */
#include "daemon/service.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include <event2/event.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/hot.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/net/loop.h"
#include "common/net/timer.h"
#include "daemon/relay/relay.h"

enum {
	ON_TERM,
	ON_INT,
	ON_HUP,
	ON_USR1,
	SIGNALS,
};

struct fr_service {
	struct fr_relay *relay;
	const struct fr_limits *limits;
	const struct fr_service_ops *ops;
	void *arg;
	struct event *signals[SIGNALS];
	struct fr_loop *loop;
	struct fr_deferred ready; /* the relay's ready list, served in the turn in which it fills */
	bool is_ready;
	struct fr_timer *tick;
	int64_t tick_us; /* when the timer is set for */
	int64_t due_us;  /* the same, but not before it was set */
};

int64_t fr_service_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 1024;
	if (files.rlim_cur < files.rlim_max) {
		const rlim_t before = files.rlim_cur;

		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			files.rlim_cur =
			    before; /* a sandbox may forbid it: go on with what there is */
	}
	return files.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)files.rlim_cur;
}

FR_HOT static void set_tick(struct fr_service *service, int64_t now_us)
{
	const int64_t due_us = fr_relay_next_tick(service->relay);
	const int64_t wait_us = due_us > now_us ? due_us - now_us : 0;

	if (due_us == service->tick_us)
		return;
	service->tick_us = due_us;
	service->due_us = due_us > now_us ? due_us : now_us;
	fr_timer_set(service->tick, wait_us);
}

FR_HOT static void serve(struct fr_deferred *ready)
{
	struct fr_service *service =
	    (struct fr_service *)((char *)ready - offsetof(struct fr_service, ready));
	const int64_t now_us = fr_clock_now_us();

	service->is_ready = false;
	fr_relay_serve(service->relay, now_us);
	set_tick(service, now_us);
}

static void check_accounts(const struct fr_relay *relay)
{
#ifdef FR_DEBUG_ACCOUNTING
	struct fr_log_text room;
	struct fr_cause why;

	if (fr_relay_check(relay, &why) != 0)
		fr_log(FR_LOG_ERROR, "relay", "the accounts do not add up", "of=%s",
		    fr_log_quote(&room, why.text));
#else
	(void)relay;
#endif
}

static void on_tick(void *arg)
{
	struct fr_service *service = arg;
	const int64_t now_us = fr_clock_now_us();

	service->tick_us = 0;
	fr_stat_took(FR_TIME_loop_lag, now_us - service->due_us);
	fr_relay_tick(service->relay, now_us);
	check_accounts(service->relay);
	fr_log_tick(now_us);
	set_tick(service, now_us);
}

FR_HOT static void on_ready(void *arg)
{
	struct fr_service *service = arg;

	if (service->is_ready)
		return;
	service->is_ready = true;
	fr_loop_defer(service->loop, &service->ready, serve);
}

/* `name value`, or `name{key="value",…} value`: the name is the sentence, the rest are fields. */
static void log_stat(char *line)
{
	char fields[256] = "", *to = fields;
	char *value = strrchr(line, ' '), *labels = strchr(line, '{');

	*value++ = '\0';
	if (labels != NULL) {
		*labels++ = '\0';
		for (; *labels != '\0' && *labels != '}' && to < fields + sizeof(fields) - 2;
		     labels++)
			if (*labels != '"')
				*to++ = *labels == ',' ? ' ' : *labels;
		*to++ = ' ';
	}
	*to = '\0';
	fr_log(FR_LOG_INFO, "stats", line, "%svalue=%s", fields, value);
}

static void log_stats(const struct fr_relay *relay, const struct fr_limits *limits)
{
	struct fr_text text = {0};
	char *save = NULL;

	(void)fr_relay_check(relay, NULL);
	fr_stats_print(&text);
	fr_log_set_rate(0); /* asked for: all of it */
	for (char *line = text.text != NULL ? strtok_r(text.text, "\n", &save) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		log_stat(line);
	fr_log(FR_LOG_INFO, "stats", "end", "");
	fr_log_set_rate((unsigned)limits->log_lines_per_second);
	fr_text_done(&text);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct fr_service *service = arg;

	(void)what;
	switch (fd) {
	case SIGHUP:
		service->ops->on_reload(service->arg);
		return;
	case SIGUSR1:
		log_stats(service->relay, service->limits);
		return;
	default:
		service->ops->on_stop(service->arg);
	}
}

void fr_service_free(struct fr_service *service)
{
	if (service == NULL)
		return;
	fr_relay_set_ready(service->relay, NULL, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		if (service->signals[i] != NULL)
			event_free(service->signals[i]);
	if (service->is_ready)
		fr_loop_undefer(service->loop, &service->ready);
	fr_timer_free(service->tick);
	free(service);
}

int fr_service_new(struct fr_loop *loop, struct fr_relay *relay, const struct fr_limits *limits,
    const struct fr_service_ops *ops, void *arg, struct fr_service **ret, struct fr_cause *why)
{
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	struct event_base *base = fr_loop_base(loop);
	struct fr_service *service = fr_xcalloc(1, sizeof(*service));
	int r;

	service->loop = loop;
	service->relay = relay;
	service->limits = limits;
	service->ops = ops;
	service->arg = arg;
	(void)signal(SIGPIPE, SIG_IGN);
	r = fr_timer_new(loop, on_tick, service, &service->tick, why);
	if (r < 0)
		goto fail;
	for (size_t i = 0; i < SIGNALS; i++) {
		service->signals[i] = evsignal_new(base, numbers[i], on_signal, service);
		if (service->signals[i] == NULL || event_add(service->signals[i], NULL) < 0) {
			r = fr_cause_set(why, ENOMEM, "the signals cannot be taken over");
			goto fail;
		}
	}
	fr_relay_set_ready(relay, on_ready, service);
	service->due_us = fr_clock_now_us();
	on_tick(service);
	*ret = service;
	return 0;

fail:
	fr_service_free(service);
	return r;
}
