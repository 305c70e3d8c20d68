/* SPDX-License-Identifier: MIT */
/* Whose token a call about an account came with. */
#include "caller.h"

#include "answer.h"
#include "check.h"
#include "session.h"

bool caller_get(struct auth *a, chatd_req req, struct token_claims *claims_out)
{
    enum check outcome = CHECK_BAD;
    chatd_str token;

    if (session_token(a, req, &token) == CHATD_OK)
        outcome = check_token(a, token, claims_out);
    /* CHECK_ASK: the event `http` has asked already, or the store is away and will take nothing. */
    if (outcome == CHECK_GOOD || outcome == CHECK_ASK)
        return true;
    if (outcome == CHECK_NO_KEY)
        answer_failure(a, req, CHATD_E_BACKEND);
    else
        answer_error(a, req, 401, "unauthorized", "This call wants a token of a login.", 0);
    return false;
}
