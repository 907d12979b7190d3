/* SPDX-License-Identifier: MIT
 *
 * All that the commands print of a trace, each output held to what it must be (oracle.h).
 */
#ifndef TESTS_FUZZ_VIEWS_H
#define TESTS_FUZZ_VIEWS_H

#include "analyzer/doctor/doctor.h"
#include "analyzer/model/model.h"

struct views *views_new(void);
/* Before the first event. */
void views_attach(struct views *views, const struct model *model);
/* Before the model has the event. */
void views_line(struct views *views, const struct event *event);
/* The model's callbacks. */
void views_socket(struct views *views, const struct socket *socket);
void views_event(struct views *views, const struct event *event, const struct process *process,
                 const struct socket *socket);
void views_inherited(struct views *views, const struct process *process, const struct socket *socket, int32_t fd,
                     uint64_t time_ns);
/* The model and the doctor being finished: prints the rest, checks all, and frees them. */
void views_finish(struct views *views, const struct doctor *doctor);

#endif
