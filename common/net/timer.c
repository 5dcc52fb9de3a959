/* SPDX-License-Identifier: MIT */
#include "common/net/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/timerfd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/net/loop.h"

struct fr_timer {
	int fd;
	int64_t due_us; /* 0: not set */
	struct event event;
	void (*on_time)(void *arg);
	void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fr_timer *timer = arg;
	uint64_t times;

	(void)what;
	/* Nothing to read: it was set anew in this turn, after it was found due. */
	if (read(fd, &times, sizeof(times)) < 0 || timer->due_us == 0)
		return;
	timer->due_us = 0;
	timer->on_time(timer->arg);
}

int fr_timer_new(struct fr_loop *loop, void (*on_time)(void *arg), void *arg, struct fr_timer **ret,
    struct fr_cause *why)
{
	struct fr_timer *timer = fr_xcalloc(1, sizeof(*timer));
	int r;

	timer->on_time = on_time;
	timer->arg = arg;
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd < 0) {
		r = fr_cause_set(why, errno, "no descriptor for a timer");
		free(timer);
		return r;
	}
	(void)event_assign(
	    &timer->event, fr_loop_base(loop), timer->fd, EV_READ | EV_PERSIST, on_readable, timer);
	if (event_add(&timer->event, NULL) != 0) {
		fr_timer_free(timer);
		return fr_cause_set(why, ENOMEM, "no memory for a timer");
	}
	*ret = timer;
	return 0;
}

void fr_timer_free(struct fr_timer *timer)
{
	if (timer == NULL)
		return;
	(void)event_del(&timer->event);
	(void)close(timer->fd);
	free(timer);
}

void fr_timer_set(struct fr_timer *timer, int64_t wait_us)
{
	struct itimerspec spec = {0};

	wait_us = wait_us < 1 ? 1 : wait_us; /* 0 would clear it */
	spec.it_value.tv_sec = wait_us / 1000000;
	spec.it_value.tv_nsec = wait_us % 1000000 * 1000;
	timer->due_us = fr_clock_now_us() + wait_us;
	(void)timerfd_settime(timer->fd, 0, &spec, NULL); /* fails only for bad arguments */
}

void fr_timer_clear(struct fr_timer *timer)
{
	static const struct itimerspec never = {0};

	if (timer->due_us == 0)
		return;
	timer->due_us = 0;
	(void)timerfd_settime(timer->fd, 0, &never, NULL);
}

int64_t fr_timer_left_us(const struct fr_timer *timer)
{
	const int64_t left_us = timer->due_us - fr_clock_now_us();

	if (timer->due_us == 0)
		return -1;
	return left_us > 0 ? left_us : 0;
}
