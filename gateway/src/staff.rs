//! What the gateway tells those who run it, over its own door. No group is asked, and nobody else may ask.
//!
//! Each gateway tells what it has seen itself since it began; metrics add up what several saw.

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::door::Door;
use crate::error::Error;

/// Where that is.
const PLACE: &str = "/api/v1/gateway/";
/// An application of somebody else is known, and is not staff.
const APPLICATION: &str = "application";
/// What may be done there.
const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// A page for staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// Who still asks for what ends.
    Deprecations,
    /// Who answers for what an older system still has a part in, and where the two differ.
    Strangler,
}

impl Page {
    const ALL: [Page; 2] = [Page::Deprecations, Page::Strangler];

    /// The page at a path.
    pub(crate) fn at(path: &str) -> Option<Page> {
        let name = path.strip_prefix(PLACE)?;
        Page::ALL.into_iter().find(|page| page.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Page::Deprecations => "deprecations",
            Page::Strangler => "strangler",
        }
    }

    fn about(self) -> (&'static str, &'static str) {
        match self {
            Page::Deprecations => (
                "Who still asks for what is deprecated",
                "By client, version and rpc, as this gateway has counted it since it began.",
            ),
            Page::Strangler => (
                "Who answers for what an older system still has a part in, and where the two differ",
                "By prefix: how many requests each side has answered, and in which fields the answers of both to the same \
                 reads differ, as this gateway has seen it since it began.",
            ),
        }
    }
}

impl Door {
    /// Answers one of these pages.
    ///
    /// # Errors
    /// 401 and 403 for those who do not work here, 405.
    pub(crate) async fn staff(&self, http: &HttpRequest, page: Page) -> Result<HttpResponse, Error> {
        match *http.method() {
            Method::OPTIONS => return Ok(self.options(http, &READ_ONLY)),
            Method::GET | Method::HEAD => {}
            _ => return Err(Error::method_not_allowed(&READ_ONLY)),
        }
        let identity = self.whose(http, false).await?;
        if identity.credential.is_none() {
            return Err(Error::unauthenticated("this needs a bearer token", None));
        }
        if !identity.caller.is_staff() || identity.caller.role == APPLICATION {
            return Err(Error::new(StatusCode::FORBIDDEN, "forbidden", "this is for staff"));
        }
        let told = match page {
            Page::Deprecations => self.shared.usage.list(),
            Page::Strangler => self.shared.upstreams.list(),
        };
        Ok(HttpResponse::Ok().content_type("application/json").body(told.to_string()))
    }
}

/// The operations, for the document of the API.
pub(crate) fn operations(headers: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    Page::ALL.into_iter().map(move |page| {
        let (summary, description) = page.about();
        let problem = |status: &str, description: &str| {
            let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
            (status.to_owned(), json!({"description": description, "headers": headers, "content": content}))
        };
        let mut responses = Map::from_iter([
            problem("400", "The request cannot be read."),
            problem("401", "There is no bearer token, or nobody holds it."),
            problem("403", "The token is not one of staff."),
            problem("414", "The request target is longer than is allowed."),
            problem("429", "The requests of this minute are used up."),
            problem("431", "The headers are longer together than is allowed."),
            problem("500", "Something went wrong on our side."),
        ]);
        let rows = json!({
            "type": "object", "required": ["data"],
            "properties": {"data": {"type": "array", "items": {"type": "object"}}},
        });
        // As everywhere, whoever asks too often is told when to come back.
        responses["429"]["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        let content = json!({"application/json": {"schema": rows}});
        responses.insert("200".into(), json!({"description": "Done.", "headers": headers, "content": content}));
        let operation = json!({
            "operationId": format!("gateway_{}", page.name()),
            "tags": ["gateway"],
            "summary": summary,
            "description": description,
            "parameters": [],
            "responses": responses,
            "security": [{"bearer": []}],
        });
        (format!("{PLACE}{}", page.name()), operation)
    })
}
