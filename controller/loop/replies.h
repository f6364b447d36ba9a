/*
 * Copies of plugins' replies: what a client lends during its callback, kept for the loop. Each copy
 * is one block, to be given to free().
 */
#ifndef DZ_LOOP_REPLIES_H
#define DZ_LOOP_REPLIES_H

#include <dozan/message.h>

dozan_ask_reply *dz_ask_reply_copy(const dozan_ask_reply *reply); /* NULL for want of memory */
dozan_judge_reply *
dz_judge_reply_copy(const dozan_judge_reply *reply); /* NULL for want of memory */

#endif
