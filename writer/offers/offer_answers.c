/* SPDX-License-Identifier: ISC */
#include "offers/offer_answers.h"

#include <string.h>

void answers_init(struct answers *answers)
{
    answers->first = CERT_NO_NONE;
    answers->last = CERT_NO_NONE;
}

void answers_add(struct answers *answers, struct roster *roster, uint32_t cert_no, enum answer_kind kind, enum reason reason)
{
    struct roster_entry *entry = roster_at(roster, cert_no);

    entry->answer.kind = (uint8_t)kind;
    entry->answer.reason = (uint16_t)reason;
    if (entry->answer.is_due)
        return;
    entry->answer.is_due = true;
    entry->answer.next = CERT_NO_NONE;
    if (answers->first == CERT_NO_NONE)
        answers->first = cert_no;
    else
        roster_at(roster, answers->last)->answer.next = cert_no;
    answers->last = cert_no;
}

bool answers_are_due(const struct answers *answers)
{
    return answers->first != CERT_NO_NONE;
}

static void describe(const struct roster_entry *entry, uint32_t cert_no, struct msg *msg)
{
    static const struct held nothing = {.state = CERT_STATE_MISSING};
    const struct held *held = entry->holding == NULL ? &nothing : &entry->holding->held;
    struct msg_answer *answer = &msg->answer;

    memset(msg, 0, sizeof *msg);
    msg->type = MSG_ANSWER;
    answer->cert_no = cert_no;
    answer->kind = entry->answer.kind;
    answer->reason = entry->answer.reason;
    answer->state = (uint8_t)(entry->told.state == CERT_STATE_MISSING ? held->state : entry->told.state);
    answer->this_update = held->this_update;
    answer->next_update = held->next_update;
    answer->effective_end = held->effective_end;
    answer->fetched_at = held->fetched_at;
}

enum ipc_result answers_send(struct answers *answers, struct roster *roster, struct ipc *fetcher)
{
    while (answers->first != CERT_NO_NONE) {
        struct roster_entry *entry = roster_at(roster, answers->first);
        enum ipc_result result;
        struct msg msg;

        describe(entry, answers->first, &msg);
        result = entry->is_dropped ? IPC_OK : ipc_send(fetcher, &msg, -1, IPC_NOWAIT);
        if (result == IPC_AGAIN)
            return result;
        entry->answer.is_due = false;
        answers->first = entry->answer.next;
        if (result != IPC_OK) {
            while (answers->first != CERT_NO_NONE) {
                entry = roster_at(roster, answers->first);
                entry->answer.is_due = false;
                answers->first = entry->answer.next;
            }
            return result;
        }
    }
    return IPC_OK;
}
